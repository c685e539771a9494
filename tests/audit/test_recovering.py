"""What a backup has lost comes back from the anchor: at its places, in steps, and never forked."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import transaction

from audit import anchor, entries, log, recovering, sequencer
from audit.exceptions import AnchorMissing, DatabaseBehindAnchor, LogForked, NotInTransaction
from audit.log import Draft
from audit.models import Checkpoint, Detail, Entry, Leaf, LogState, Pending, Tally
from audit.notes import Checkpoint as Signed
from audit.recovering import Gap, Lost
from tests.audit.conftest import Person, plain
from tests.audit.sequenced import append, both_steps, need_published, need_sound
from tests.audit.test_anchor import copy_of_everything, forget_everything, restore


def hashes() -> list[bytes]:
    rows = Leaf.objects.order_by("index").values_list("leaf_hash", flat=True)
    return [bytes(each) for each in rows]


def rebuild(steps: int = 1000) -> list[Lost]:
    """Put back what is lost, at most so many steps; return what the database had lacked."""
    found = recovering.gap()
    lacked: list[Lost] = []
    with transaction.atomic():
        found = recovering.begin(found)
    while not found.is_closed and steps:
        with transaction.atomic():
            lacked += recovering.put_back(found)
        found, steps = recovering.gap(), steps - 1
    return lacked


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "The log never forks")
def test_lost_entries_come_back_at_their_places(read_of: Callable[..., Draft]) -> None:
    append(300)
    both_steps()
    log.append(read_of(epoch=7))  # still pending in the backup
    backup = copy_of_everything()
    append(300)
    log.append(plain(type="grant.withdrawn", grant="c" * 32, closes=7))
    both_steps()
    before, size = hashes(), LogState.objects.get().size
    restore(backup)
    append(2, purpose="after_the_backup")  # the anchor does not know these

    found = recovering.gap()
    assert (found.first, found.size, found.signed.size) == (301, 301, size)
    lost = list(recovering.lost(found))
    assert [each.place for each in lost] == list(range(302, size))
    assert lost[-1].fields["closes"] == 7
    back = rebuild()
    assert [each.fields for each in back] == [each.fields for each in lost]
    assert [each.place for each in back] == [each.place for each in lost]
    assert hashes() == before
    assert Detail.objects.count() == 1  # matched by its event id, with its detail
    anchor.check_start()
    assert Pending.objects.count() == 3  # the two, and `log.recovered`
    both_steps()
    need_sound(size + 3)
    need_published(size + 3)
    call_command("verify_log")


@pytest.mark.django_db
def test_everything_comes_back_into_an_empty_database() -> None:
    append(600)
    both_steps()
    forget_everything()
    assert len(rebuild()) == 601
    both_steps()
    need_sound(603)  # `log.recovered` and a heartbeat
    need_published(603)
    assert Checkpoint.objects.count() == 2


@pytest.mark.django_db
def test_an_interrupted_run_goes_on_and_still_knows_where_the_gap_began() -> None:
    append(100)
    both_steps()
    backup = copy_of_everything()
    append(600)
    both_steps()
    before = hashes()
    restore(backup)
    all_lost = [each.fields for each in recovering.lost(recovering.gap())]

    rebuild(steps=2)

    # Half of it is back: not enough to serve, and nothing forgotten of what was lacking.
    with pytest.raises(DatabaseBehindAnchor):
        anchor.check_start()
    found = recovering.gap()
    assert (found.first, found.size) == (101, 512)
    assert [each.fields for each in recovering.lost(found)] == all_lost
    rebuild()
    assert hashes() == before
    assert Entry.objects.filter(type="log.recovered").count() == 1
    both_steps()
    need_sound(len(before) + 1)


@pytest.mark.django_db
def test_a_run_that_a_newer_restore_overtook_begins_anew() -> None:
    append(10)
    both_steps()
    old = copy_of_everything()
    append(300)
    both_steps()
    newer = copy_of_everything()
    append(300)
    both_steps()
    before = hashes()
    restore(old)
    rebuild(steps=1)
    restore(newer)
    assert recovering.gap().first == 311
    rebuild()
    assert hashes() == before


@pytest.mark.django_db
def test_recovering_twice_changes_nothing() -> None:
    append(3)
    both_steps()
    backup = copy_of_everything()
    append(3)
    both_steps()
    restore(backup)
    rebuild()
    found = recovering.gap()
    assert found.is_closed
    with transaction.atomic():
        assert recovering.put_back(found) == []
    assert list(recovering.lost(found)) == []


@pytest.mark.django_db
@pytest.mark.parametrize("word", [b"operator", b"purpose_"])
def test_changed_bundles_bring_nothing_back(word: bytes) -> None:
    append(3, purpose="purpose_")
    both_steps()
    forget_everything()
    path = anchor.directory() / "tile/entries/000.p/4"
    path.write_bytes(path.read_bytes().replace(word, word[::-1]))
    with pytest.raises(LogForked):
        list(recovering.lost(recovering.gap()))
    with pytest.raises(LogForked), transaction.atomic():
        recovering.put_back(recovering.gap())
    assert not Entry.objects.exists()
    assert not LogState.objects.filter(size__gt=0).exists()


@pytest.mark.django_db
def test_a_missing_bundle_brings_nothing_back() -> None:
    append(3)
    both_steps()
    forget_everything()
    (anchor.directory() / "tile/entries/000.p/4").unlink()
    with pytest.raises(LogForked, match="lacks tile/entries"):
        list(recovering.lost(recovering.gap()))


@pytest.mark.django_db
def test_another_logs_continuation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    append(3)
    both_steps()
    backup = copy_of_everything()
    append(3)
    both_steps()
    restore(backup)
    # A sequencer that could not see its anchor has given places to other entries.
    append(1)
    monkeypatch.setattr(sequencer.anchor, "need_not_behind", lambda _size: None)
    sequencer.sequence_once()
    monkeypatch.undo()
    with pytest.raises(LogForked, match="together are not what was signed"):
        list(recovering.lost(recovering.gap()))


@pytest.mark.django_db
def test_without_an_anchor_there_is_nothing_to_recover_from() -> None:
    assert recovering.gap().is_closed  # as new
    append(3)
    both_steps()
    (anchor.directory() / "signed").unlink()
    with pytest.raises(AnchorMissing):
        recovering.gap()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_rebuilt_outside_a_transaction() -> None:
    for act in (recovering.begin, recovering.put_back):
        with pytest.raises(NotInTransaction):
            act(recovering.gap())


@pytest.mark.django_db
def test_an_old_window_does_not_count_a_flood_twice() -> None:
    append(1)
    both_steps()
    first = log.append(plain(type="record.refused", outcome="refused"))
    backup = copy_of_everything()
    log.append(plain(type="record.refused", outcome="refused", of=first.event_id, repeats=5))
    both_steps()
    restore(backup)
    Tally.objects.create(
        key=b"k" * 32, of=first.event_id, draft="{}", repeats=5, closes_at="2026-01-01T00:00Z"
    )
    rebuild()
    assert not Tally.objects.exists()


@pytest.mark.django_db
def test_whom_a_lost_entry_was_about_can_be_told_again(
    person: Person, read_of: Callable[..., Draft]
) -> None:
    append(1)
    both_steps()
    backup = copy_of_everything()
    log.append(read_of())
    log.append(plain(type="grant.paused", grant="c" * 32, closes=1))  # about nobody
    both_steps()
    restore(backup)
    back = rebuild()
    with transaction.atomic():
        recovering.link([(each, person.ref) for each in back])

    (seen,) = entries.of_person(person.ref)
    assert (seen.type, seen.detail) == ("record.read", None)
    assert seen.leaf["categories"] == ["stay"]
    assert entries.of_grant("c" * 32, types=["record.read"]).count() == 1
    call_command("verify_log")


def test_a_gap_is_closed_when_everything_signed_is_there() -> None:
    signed = Signed("log.example", 5, bytes(32))
    assert [Gap(first=3, size=size, signed=signed).is_closed for size in (3, 4, 5, 6)] == [
        False,
        False,
        True,
        True,
    ]
