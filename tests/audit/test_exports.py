"""Exports: whole or not there, the same bytes for the same cut, and verified before they leave."""

import csv
import io
import json
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from audit import exports, log, sequencer
from audit.exceptions import ExportExists, NoCheckpointYet, RangeOutsideLog
from audit.exports.codes import CODES
from audit.exports.tables import FORMULA, in_korea, safe
from audit.models import Checkpoint, Detail, Entry
from audit.types import EntryType
from keys import tree
from tests.audit.bundles import Cast, exported, play, sequenced, verified, verified_apart
from tests.audit.conftest import plain

pytestmark = pytest.mark.django_db


def files(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.iterdir()}


@pytest.fixture
def cut() -> exports.Cut:
    """A cut of a log in which everything happened once."""
    play(Cast())
    sequenced()
    announced = exports.announce()
    sequenced()
    return exports.cut(announced)


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
@pytest.mark.rule("design/log.md", "Export")
def test_a_bundle_of_a_real_log_verifies(tmp_path: Path, name: str) -> None:
    play(Cast())
    sequenced()
    written = exported(tmp_path / name, scope=exports.ALL)
    assert written.first_finding is None
    report = verified_apart(tmp_path / name)
    assert (report.exit, report.codes, report.warnings) == (0, frozenset(), frozenset())
    assert report.told["last"] == written.entries
    assert report.told["checks"]["openings"]["answer"] == "yes"


@pytest.mark.rule("design/log.md", "Export: deterministic")
def test_the_same_cut_gives_the_same_bytes(tmp_path: Path, cut: exports.Cut) -> None:
    exports.write(cut, tmp_path / "one")
    exports.write(cut, tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    exports.write(cut, tmp_path / "one.zip")
    exports.write(cut, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.rule("design/log.md", "Export: making an export is itself an entry")
def test_an_export_tells_of_itself(tmp_path: Path) -> None:
    exported(tmp_path / "bundle")
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    leaf = json.loads(
        (tmp_path / "bundle" / "leaves.ndjson").read_text().split("\n")[manifest["export_index"]]
    )
    assert (leaf["type"], leaf["id"], leaf["first"]) == ("export.made", manifest["export"], 0)


def test_what_is_written_after_the_cut_is_not_in_it(tmp_path: Path, cut: exports.Cut) -> None:
    Cast().refused()
    sequenced()
    written = exports.write(cut, tmp_path / "bundle")
    assert (written.entries, written.verified) == (cut.last, True)
    assert Checkpoint.objects.order_by("-size")[0].size > cut.last


def test_without_a_sequencer_it_waits_and_says_so() -> None:
    announced = exports.announce()
    with pytest.raises(NoCheckpointYet, match="is the sequencer running"):
        exports.cut(announced, timeout=timedelta(0))


def test_a_range_outside_the_log_is_refused_and_not_logged() -> None:
    with pytest.raises(RangeOutsideLog):
        exports.announce(first=1)
    assert not Entry.objects.exists()


@pytest.mark.rule("design/log.md", "Export: a range from --state")
def test_a_second_export_continues_the_first(tmp_path: Path) -> None:
    cast, state = Cast(), tmp_path / "state"
    grants = play(cast)
    one = exported(tmp_path / "one.zip")
    assert verified(one.path, "--state", state).exit == 0
    cast.read(grants["plain"], 1, partner_epoch=2)
    cast.about(EntryType.GRANT_WITHDRAWN, grant=grants["plain"], closes=1)
    two = exported(tmp_path / "two.zip", first=one.entries)
    report = verified(two.path, "--state", state)
    assert (report.exit, report.codes, report.told["unproven_grants"]) == (0, frozenset(), 0)
    cast.read(grants["plain"], 1, partner_epoch=2)
    three = exported(tmp_path / "three", first=one.entries + two.entries)
    assert three.verified  # on its own it cannot know
    assert verified(three.path, "--state", state).codes == {"read-after-end"}


def test_only_details_in_scope_are_opened_and_their_persons_told(tmp_path: Path) -> None:
    cast, other = Cast(), Cast()
    grants = play(cast)
    play(other)
    scope = exports.Scope(persons=(other.person,))
    exported(tmp_path / "bundle", scope=scope)
    openings = (tmp_path / "bundle" / "openings.ndjson").read_text()
    assert other.person in openings
    assert cast.person not in openings
    told = Detail.objects.filter(type=EntryType.KEY_OPENED)
    assert [each.person for each in told] == [other.person]
    exported(tmp_path / "grant", scope=exports.Scope(grants=(grants["ended"],)))
    assert len((tmp_path / "grant" / "openings.ndjson").read_text().splitlines()) == 3


def test_erased_details_are_listed_as_erased_and_everything_still_verifies(tmp_path: Path) -> None:
    cast = Cast()
    play(cast)
    sequenced()
    with transaction.atomic():
        tree.destroy(cast.audit_key)
    # Nobody's key is opened any more, so nobody is told.
    announced = exports.announce()
    sequenced()
    written = exports.write(exports.cut(announced), tmp_path / "bundle", scope=exports.ALL)
    rows = (tmp_path / "bundle" / "openings.ndjson").read_text().splitlines()
    assert rows
    assert all(json.loads(row).get("erased") for row in rows)
    assert written.verified


@pytest.mark.rule("design/log.md", "Export: streams from above")
def test_streams_from_above_are_in_the_bundle_and_in_the_manifest(
    tmp_path: Path, cut: exports.Cut
) -> None:
    def consents() -> Iterator[bytes]:
        yield b'{"a":1}\n'
        yield b'{"a":2}\n'

    named = {"consents.ndjson": consents(), "ropa.json": [b"{}"]}
    written = exports.write(cut, tmp_path / "bundle", named_streams=named)
    assert written.verified
    assert (tmp_path / "bundle" / "consents.ndjson").read_bytes() == b'{"a":1}\n{"a":2}\n'
    report = verified(written.path)
    assert report.told["not_proven_by_the_log"] == ["consents.ndjson", "ropa.json"]
    (tmp_path / "bundle" / "ropa.json").write_bytes(b"[]")
    assert verified(written.path).codes == {"file-altered"}


@pytest.mark.parametrize(
    "name", ["leaves.ndjson", "../up", "manifest.json", "", "UPPER", "보고서.html", "verify.py"]
)
def test_a_stream_may_not_take_anothers_name(tmp_path: Path, cut: exports.Cut, name: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        exports.write(cut, tmp_path / "bundle", named_streams={name: [b""]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.rule("design/log.md", "Export: a killed export leaves nothing that looks whole")
@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_a_failure_in_the_middle_leaves_nothing(
    tmp_path: Path, cut: exports.Cut, name: str
) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"some"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        exports.write(cut, tmp_path / name, named_streams={"ropa.json": breaks()})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_a_kill_in_the_middle_leaves_nothing_that_looks_whole(
    tmp_path: Path, cut: exports.Cut, name: str
) -> None:
    def kills() -> Iterator[bytes]:
        yield b"some"
        os._exit(9)

    child = os.fork()
    if child == 0:
        exports.write(cut, tmp_path / name, named_streams={"ropa.json": kills()})
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    [left] = tmp_path.iterdir()
    assert left.name.startswith(f".{name}.")
    assert not (left / "manifest.json").exists()
    # And the next one is not hindered by it.
    assert exports.write(cut, tmp_path / name).verified


def test_nothing_is_ever_written_over(tmp_path: Path, cut: exports.Cut) -> None:
    (tmp_path / "bundle.zip").write_bytes(b"mine")
    with pytest.raises(ExportExists):
        exports.write(cut, tmp_path / "bundle.zip")
    assert (tmp_path / "bundle.zip").read_bytes() == b"mine"


def test_nobody_else_on_the_machine_can_read_it(tmp_path: Path, cut: exports.Cut) -> None:
    exports.write(cut, tmp_path / "bundle")
    exports.write(cut, tmp_path / "bundle.zip")
    paths = [tmp_path / "bundle", tmp_path / "bundle.zip", *(tmp_path / "bundle").iterdir()]
    assert {path.stat().st_mode & 0o077 for path in paths} == {0}


@pytest.mark.rule("design/log.md", "Export never hides: what was tampered with is in it, and found")
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE audit_entry SET leaf = %s WHERE seq = FIFTH", "root-wrong"),
        ("DELETE FROM audit_entry WHERE seq = FIFTH OR leaf = %s", "leaf-malformed"),
        ('DELETE FROM audit_leaf WHERE "index" = 5 OR leaf_hash = %s', "leaf-malformed"),
        ("DELETE FROM audit_tile WHERE hashes <> %s", "consistency-wrong"),
    ],
)
def test_a_database_that_was_tampered_with_exports_its_own_evidence(
    tmp_path: Path, cut: exports.Cut, sql: str, code: str, no_triggers: None
) -> None:
    with connection.cursor() as cursor:
        fifth = '(SELECT seq FROM audit_leaf WHERE "index" = 5)'
        cursor.execute(sql.replace("FIFTH", fifth), [b'{"v":1}\n'])
    written = exports.write(cut, tmp_path / "bundle")
    assert not written.verified
    assert code in verified(written.path).codes
    assert 'class="answer no"' in (tmp_path / "bundle" / "보고서.html").read_text()


@pytest.fixture
def no_triggers(db: None) -> Iterator[None]:
    """An owner of the database, who can take the triggers down."""
    from audit import triggers

    triggers.remove(connection)
    yield
    triggers.install(connection)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_is_never_a_formula(cell: str) -> None:
    assert safe(cell).startswith("'")
    assert "\r" not in safe(cell)


def test_a_leaf_that_was_tampered_with_puts_no_formula_into_the_table(
    tmp_path: Path, cut: exports.Cut, no_triggers: None
) -> None:
    leaf = json.dumps({"v": 1, "type": "=1+1", "purpose": "@x", "categories": ["-2"], "id": "\r="})
    with connection.cursor() as cursor:
        fifth = '(SELECT seq FROM audit_leaf WHERE "index" = 5)'
        cursor.execute(f"UPDATE audit_entry SET leaf = %s WHERE seq = {fifth}", [leaf.encode()])
    exports.write(cut, tmp_path / "bundle")
    text = (tmp_path / "bundle" / "entries.csv").read_text("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert {"'=1+1", "'@x", "'-2", "' ="} <= set(cells)
    assert not [cell for cell in cells if cell.startswith(FORMULA)]


def test_the_table_is_one_that_spreadsheets_read(tmp_path: Path, cut: exports.Cut) -> None:
    exports.write(cut, tmp_path / "bundle")
    data = (tmp_path / "bundle" / "entries.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert len(rows) == cut.last
    assert [int(row["index"]) for row in rows] == list(range(cut.last))
    assert {row["what_ko"] for row in rows} >= {"동의", "열람(제공)", "동의 철회"}


def test_every_type_has_its_code_in_two_languages_and_a_provision() -> None:
    assert set(CODES) == set(EntryType)
    assert all(all(told) for told in CODES.values())


def test_korean_time_is_nine_hours_ahead() -> None:
    assert in_korea("2026-12-31T15:00:01.004Z") == "2027-01-01 00:00:01"
    assert in_korea(None) == ""


def test_the_page_says_who_can_check_it_and_how(tmp_path: Path, cut: exports.Cut) -> None:
    exports.write(cut, tmp_path / "bundle")
    page = (tmp_path / "bundle" / "보고서.html").read_text()
    assert 'class="answer yes"' in page
    assert "KST" in page
    assert "http" not in page
    assert "<script" not in page


@pytest.mark.rule("design/log.md", "Export while the log is being written")
def test_an_export_is_consistent_while_others_write(tmp_path: Path, cut: exports.Cut) -> None:
    def meanwhile(_done: int, _whole: int) -> None:
        with transaction.atomic():
            log.append_many([plain() for _ in range(300)])
        sequenced()

    announced = exports.announce(first=3)
    meanwhile(0, 0)
    found = exports.cut(announced)
    assert exports.write(cut, tmp_path / "one", progress=meanwhile).verified
    assert exports.write(found, tmp_path / "two", progress=meanwhile).verified


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_command_writes_a_bundle_and_says_that_it_verifies(tmp_path: Path) -> None:
    stop = threading.Event()
    loop = threading.Thread(target=sequencer.run, args=(stop, 0.05))
    loop.start()
    out = io.StringIO()
    try:
        call_command("export_log", "--to", str(tmp_path / "bundle.zip"), stdout=out)
    finally:
        stop.set()
        loop.join()
    assert "Verified" in out.getvalue()
    assert verified(tmp_path / "bundle.zip").exit == 0


@pytest.mark.parametrize(
    "arguments", [["--timeout", "0"], ["--first", "7"], ["--to", "/"]], ids=lambda each: each[0]
)
def test_the_command_says_in_one_sentence_why_not(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("export_log", *arguments)
    assert refusal.value.returncode == 2
    assert "\n" not in str(refusal.value)
