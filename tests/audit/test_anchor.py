"""What outlives the database: it notices a restored backup, and stops whoever would serve it."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit import anchor, notes, publishing, sequencer, triggers
from audit.exceptions import AnchorMissing, AnchorMoved, DatabaseBehindAnchor, LogForked, LogShrank
from audit.models import LogState
from tests.audit.sequenced import append, both_steps, need_published

TABLES = ("leaf", "checkpoint", "tile", "logstate", "pending", "quarantine", "detail", "entry")


def forget_everything() -> None:
    """Leave an empty database, as on a fresh machine."""
    triggers.remove(connection)
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM audit_{table}")
    triggers.install(connection)
    anchor.forget()


def copy_of_everything() -> dict[str, list[tuple[Any, ...]]]:
    """Return a backup of the log's tables."""
    with connection.cursor() as cursor:
        rows = {}
        for table in TABLES:
            cursor.execute(f"SELECT * FROM audit_{table}")
            rows[table] = cursor.fetchall()
        return rows


def restore(backup: dict[str, list[tuple[Any, ...]]]) -> None:
    """Put a backup in place of what is there."""
    forget_everything()
    with connection.cursor() as cursor:
        for table in reversed(TABLES):
            for row in backup[table]:
                marks = ", ".join(["%s"] * len(row))
                cursor.execute(f"INSERT INTO audit_{table} VALUES ({marks})", row)


@pytest.mark.django_db
def test_a_fresh_vault_starts() -> None:
    anchor.check_start()


@pytest.mark.django_db
def test_a_continued_log_starts() -> None:
    append(300)
    both_steps()
    append(300)
    sequencer.sequence_once()
    anchor.check_start()


@pytest.mark.django_db
@pytest.mark.rule("assurance.md", "promise 3")
def test_an_empty_database_beside_a_full_anchor_does_not_start() -> None:
    append(3)
    both_steps()
    forget_everything()
    with pytest.raises(DatabaseBehindAnchor, match=r"manage\.py recover"):
        anchor.check_start()
    with pytest.raises(DatabaseBehindAnchor):
        sequencer.publish()


@pytest.mark.django_db
@pytest.mark.rule("assurance.md", "promise 3")
def test_an_old_backup_does_not_start_and_signs_nothing() -> None:
    append(3)
    both_steps()
    backup = copy_of_everything()
    append(300)
    both_steps()
    signed = anchor.signed_note()
    restore(backup)
    with pytest.raises(DatabaseBehindAnchor, match="old backup"):
        anchor.check_start()
    append(400)
    with pytest.raises(DatabaseBehindAnchor):
        sequencer.sequence_once()  # a sequencer that was running meanwhile
    with pytest.raises(DatabaseBehindAnchor):
        sequencer.publish()
    assert anchor.signed_note() == anchor.published_note() == signed


@pytest.mark.django_db
def test_a_lost_anchor_does_not_start_without_a_word() -> None:
    append(3)
    both_steps()
    (anchor.directory() / "signed").unlink()
    with pytest.raises(AnchorMissing, match="--new-anchor"):
        anchor.check_start()
    with pytest.raises(AnchorMissing):
        sequencer.publish()
    with pytest.raises(CommandError):
        call_command("sequence", "--once")
    call_command("sequence", "--once", "--new-anchor")
    need_published(LogState.objects.get().size)


@pytest.mark.django_db
def test_a_log_keeps_its_name(settings: Any) -> None:
    append(3)
    both_steps()
    settings.LOG_ORIGIN = "other.example/log"
    with pytest.raises(LogForked, match="VAULT_LOG_ORIGIN"):
        anchor.check_start()


@pytest.mark.django_db
def test_anothers_anchor_is_refused(settings: Any) -> None:
    append(3)
    both_steps()
    forget_everything()
    settings.LOG_ORIGIN = "other.example/log"
    with pytest.raises(LogForked, match="VAULT_ANCHOR"):
        anchor.check_start()
    with pytest.raises(LogForked):
        sequencer.sequence_once()


@pytest.mark.django_db
def test_a_checkpoint_that_we_never_signed_is_not_continued() -> None:
    append(3)
    both_steps()
    note = anchor.signed_note()
    assert note is not None
    forged = notes.Checkpoint(publishing.verifier_key().name, 1, bytes(32)).text
    anchor.write("signed", (forged + note[note.index("\n\n") + 1 :]).encode())
    with pytest.raises(LogForked, match="never signed"):
        sequencer.publish()


@pytest.mark.django_db
def test_the_swap_compares() -> None:
    append(3)
    both_steps()
    note = anchor.signed_note()
    assert note is not None
    with anchor.publishing():
        with pytest.raises(AnchorMoved):
            anchor.swap(None, note)
        smaller = note.replace("\n4\n", "\n3\n")
        with pytest.raises(LogForked):
            anchor.swap(note, smaller)
        other_root = "\n".join([*note.split("\n")[:2], "A" * 43 + "=", *note.split("\n")[3:]])
        with pytest.raises(LogForked):
            anchor.swap(note, other_root)
    assert anchor.signed_note() == note


@pytest.mark.django_db
def test_sizes_that_arrive_out_of_order_stop_nobody() -> None:
    append(9)
    sequencer.sequence_once()
    anchor.guard_size(10)
    anchor.guard_size(4)  # an older look of another thread; the log is still whole
    anchor.guard_size(10)


@pytest.mark.django_db
def test_a_log_that_shrank_stops_the_process() -> None:
    append(9)
    sequencer.sequence_once()
    anchor.guard_size(10)
    forget = anchor.forget
    try:
        anchor.forget = lambda: None  # type: ignore[assignment]
        forget_everything()
    finally:
        anchor.forget = forget
    with pytest.raises(LogShrank):
        anchor.guard_size(0)
