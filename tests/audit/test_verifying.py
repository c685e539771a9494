"""Tampering with the tables, one statement at a time, each found with its reason."""

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout

import pytest
from django.core.management import call_command
from django.db import connection

from audit import anchor, log, merkle, triggers, verifying
from audit.log import Draft
from audit.models import Detail, Entry, LogState
from keys import tree
from tests.audit.conftest import Person, plain
from tests.audit.sequenced import append, both_steps

OTHER = "'" + "0" * 64 + "'"


def blob(hex_digits: str) -> str:
    """Return a binary literal."""
    return f"'\\x{hex_digits}'" if connection.vendor == "postgresql" else f"x'{hex_digits}'"


@pytest.fixture
def signed(read_of: Callable[..., Draft]) -> Iterator[None]:
    """A log of 604 leaves under three checkpoints, with its triggers taken down by its owner."""
    append(300)
    log.append(read_of())
    both_steps()
    append(300)
    both_steps()
    append(2)
    both_steps()
    triggers.remove(connection)
    yield
    triggers.install(connection)


def said() -> tuple[int, str]:
    """Run the command; return its exit code and its words."""
    out = io.StringIO()
    try:
        call_command("verify_log", stdout=out)
    except SystemExit as exit_:
        return int(exit_.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.django_db
def test_an_honest_log_verifies(signed: None) -> None:
    code, words = said()
    assert code == 0
    assert f"OK: {LogState.objects.get().size} leaves" in words
    append(3)  # pending entries are no difference
    assert said()[0] == 0


@pytest.mark.django_db
def test_an_empty_log_verifies() -> None:
    assert said()[0] == 0


SEQ = '(SELECT seq FROM audit_leaf WHERE "index" = {})'
TAMPERINGS = {
    "leaf edited": (
        f"UPDATE audit_entry SET leaf = BLOB(7b7d) WHERE seq = {SEQ.format(5)}", "leaf-changed"),
    "leaf and its hash edited": (
        "UPDATE audit_entry SET leaf = BLOB(7b7d), leaf_hash = BLOB(HASH)"
        f" WHERE seq = {SEQ.format(5)}", "leaf-changed"),
    "leaf and all its hashes edited": (
        "UPDATE audit_entry SET leaf = BLOB(7b7d), leaf_hash = BLOB(HASH)"
        f" WHERE seq = {SEQ.format(5)};"
        'UPDATE audit_leaf SET leaf_hash = BLOB(HASH) WHERE "index" = 5', "leaf-malformed"),
    "stored hash of an entry edited": (
        f"UPDATE audit_entry SET leaf_hash = BLOB(HASH) WHERE seq = {SEQ.format(5)}",
        "leaf-changed"),
    "hash of a place edited": (
        'UPDATE audit_leaf SET leaf_hash = BLOB(HASH) WHERE "index" = 5', "leaf-changed"),
    "type edited": (
        f"UPDATE audit_entry SET type = 'grant.given' WHERE seq = {SEQ.format(5)}",
        "row-differs"),
    "event id edited": (
        "UPDATE audit_entry SET event_id = '019aa8c2000070008000000000000001'"
        f" WHERE seq = {SEQ.format(5)}", "row-differs"),
    "entry deleted": (f"DELETE FROM audit_entry WHERE seq = {SEQ.format(5)}", "entry-missing"),
    "entry and place deleted": (
        f"DELETE FROM audit_entry WHERE seq = {SEQ.format(5)};"
        'DELETE FROM audit_leaf WHERE "index" = 5', "index-missing"),
    "place deleted": ('DELETE FROM audit_leaf WHERE "index" = 5', "index-missing"),
    "last place deleted": (
        'DELETE FROM audit_leaf WHERE "index" = (SELECT max("index") FROM audit_leaf)',
        "index-missing"),
    "two places swapped": (
        'UPDATE audit_leaf SET "index" = -1 WHERE "index" = 5;'
        'UPDATE audit_leaf SET "index" = 5 WHERE "index" = 6;'
        'UPDATE audit_leaf SET "index" = 6 WHERE "index" = -1', "tile-differs"),
    "renumbered": (
        'UPDATE audit_leaf SET "index" = "index" + 10000 WHERE "index" >= 100', "index-missing"),
    "place points elsewhere": (
        'UPDATE audit_leaf SET seq = 999999 WHERE "index" = 5', "entry-missing"),
    "place added": (
        'INSERT INTO audit_leaf ("index", seq, leaf_hash) VALUES (9999, 9999, BLOB(HASH))',
        "leaf-stray"),
    "lower tile edited": (
        "UPDATE audit_tile SET hashes = BLOB(HASH) WHERE level = 0 AND n = 0", "tile-differs"),
    "upper tile edited": (
        "UPDATE audit_tile SET hashes = BLOB(HASH) WHERE level = 1 AND n = 0", "tile-differs"),
    "tile deleted": ("DELETE FROM audit_tile WHERE level = 0 AND n = 1", "tile-differs"),
    "tile added": (
        "INSERT INTO audit_tile (level, n, width, hashes) VALUES (0, 99999, 1, BLOB(HASH))",
        "tile-stray"),
    "root edited": ("UPDATE audit_logstate SET root = BLOB(HASH)", "state-differs"),
    "compact range edited": ("UPDATE audit_logstate SET compact = BLOB(HASH)", "state-differs"),
    "tail cut off": (
        'DELETE FROM audit_leaf WHERE "index" >= 602;'
        "UPDATE audit_logstate SET size = 602", "state-differs"),
    "state gone": ("DELETE FROM audit_logstate", "leaf-stray"),
    "root of a checkpoint edited": (
        "UPDATE audit_checkpoint SET root = BLOB(HASH) WHERE size = 302", "checkpoint-differs"),
    "signature edited": (
        "UPDATE audit_checkpoint SET note = replace(note, ' ', ' A') WHERE size = 302",
        "signature-wrong"),
    "size in a checkpoint edited": (
        "UPDATE audit_checkpoint SET size = 301 WHERE size = 302", "checkpoint-differs"),
    "pending mark removed": ("DELETE FROM audit_pending", "entry-unsequenced"),
    "pending mark without an entry": (
        "INSERT INTO audit_pending (seq) VALUES (888888)", "pending-stray"),
    "pending mark of a placed entry": (
        f"INSERT INTO audit_pending (seq) VALUES ({SEQ.format(5)})", "pending-stray"),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "SQL tamperings each detected with the right reason")
@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found_with_its_reason(signed: None, name: str) -> None:
    log.append(plain())  # one is pending
    statements, reason = TAMPERINGS[name]
    forged = merkle.leaf_hash(b"{}").hex()
    with connection.cursor() as cursor:
        for statement in statements.split(";"):
            sql = statement.replace("BLOB(7b7d)", blob("7b7d")).replace("BLOB(HASH)", blob(forged))
            cursor.execute(sql)
    found = [each.what for each in verifying.findings()]
    assert found
    assert reason in found
    code, words = said()
    assert code == 1
    assert words.startswith("DIFFERS: ")


DETAIL_TAMPERINGS = {
    "another person": ("UPDATE audit_detail SET person = 'x'", "detail-differs"),
    "another grant": ("UPDATE audit_detail SET grant_ref = 'x'", "detail-differs"),
    "another type": ("UPDATE audit_detail SET type = 'login.failed'", "detail-changed"),
    "another time": ("UPDATE audit_detail SET at = '2020-01-01 00:00:00'", "detail-differs"),
    "other bytes": ("UPDATE audit_detail SET sealed = BLOB", "detail-changed"),
    "without an entry": ("UPDATE audit_detail SET seq = 777777", "detail-stray"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", DETAIL_TAMPERINGS)
def test_a_changed_detail_is_found(signed: None, name: str) -> None:
    assert list(verifying.findings(details=True)) == []
    statement, reason = DETAIL_TAMPERINGS[name]
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("BLOB", blob("01" * 200)))
    assert {each.what for each in verifying.findings(details=True)} == {reason}


@pytest.mark.django_db
def test_an_erased_detail_is_no_difference(signed: None, person: Person) -> None:
    tree.destroy(person.audit_key)
    assert list(verifying.findings(details=True)) == []
    Detail.objects.all().delete()
    assert list(verifying.findings(details=True)) == []


@pytest.mark.django_db
def test_a_change_before_the_first_checkpoint_breaks_every_later_one(signed: None) -> None:
    """Rewriting one leaf with all of its hashes still contradicts what was signed."""
    entry = Entry.objects.order_by("seq")[9]
    forged = bytes(entry.leaf).replace(b'"operator"', b'"guardian"')
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_entry SET leaf = %s, leaf_hash = %s WHERE seq = %s",
            [forged, merkle.leaf_hash(forged), entry.seq],
        )
        cursor.execute(
            "UPDATE audit_leaf SET leaf_hash = %s WHERE seq = %s",
            [merkle.leaf_hash(forged), entry.seq],
        )
    found = [each.what for each in verifying.findings()]
    assert found.count("checkpoint-differs") == 3
    assert "state-differs" in found
    assert "anchor-differs" in found


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/92", "tile/1/000.p/2",
                                  "tile/entries/000", "tile/entries/002.p/92", "signed"])  # fmt: skip
def test_a_change_of_the_anchor_is_found(signed: None, path: str) -> None:
    file = anchor.directory() / path
    assert file.exists()
    file.write_bytes(file.read_bytes()[:-2] + b"!!")
    assert {each.what for each in verifying.findings()} == {"anchor-differs"}


@pytest.mark.django_db
def test_differences_are_told_in_sentences_that_end_once(
    signed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count, ending in ((1, "1 difference in "), (2, "2 differences in ")):
        found = [verifying.Finding("anchor-differs", "what the database has lost.")] * count
        monkeypatch.setattr(verifying, "findings", lambda *_a, found=found, **_k: iter(found))
        words = said()[1]
        assert "DIFFERS: anchor-differs at what the database has lost.\n" in words
        assert ending in words


@pytest.mark.django_db
def test_findings_are_limited_on_the_screen_and_complete_on_request(signed: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_entry SET type = 'x'")
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit):
        call_command("verify_log", stdout=out)
    assert out.getvalue().count("row-differs") == 20
    with redirect_stdout(out), pytest.raises(SystemExit):
        call_command("verify_log", "--all", stdout=out)
    assert out.getvalue().count("row-differs") > 600
