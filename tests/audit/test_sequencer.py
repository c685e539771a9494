"""Places in the tree: dense, in the order of cause and effect, once each, whoever is killed."""

from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
import time_machine

from audit import anchor, leaf, log, merkle, publishing, sequencer, tally, tiles
from audit.models import Entry, Leaf, LogState, Pending, Quarantine, Tally, Tile
from tests.audit.conftest import plain
from tests.audit.sequenced import append, both_steps, need_published, need_sound


def types_in_order() -> list[str]:
    seqs = Leaf.objects.order_by("index").values_list("seq", flat=True)
    return [Entry.objects.get(seq=seq).type for seq in seqs]


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "Sequencer")
def test_entries_get_dense_places_in_the_order_of_their_numbers() -> None:
    append(5)
    assert sequencer.sequence_once() == 6  # the first heartbeat among them
    append(3)
    assert sequencer.sequence_once() == 3
    assert sequencer.sequence_once() == 0
    need_sound(9)
    assert not Pending.objects.exists()
    seqs = list(Leaf.objects.order_by("index").values_list("seq", flat=True))
    assert seqs == sorted(seqs)


@pytest.mark.django_db
def test_tiles_fill_and_rise_however_the_batches_fall() -> None:
    append(70_000 // 100)
    for limit in (1, 254, 1, 1, 255, 100, 500):
        sequencer.sequence_once(limit)
        sequencer.publish()
        need_sound(LogState.objects.get().size)
        need_published(LogState.objects.get().size)
    assert Tile.objects.get(level=0, n=0).width == 256
    assert Tile.objects.get(level=1, n=0).width == 701 // 256


@pytest.mark.django_db
def test_partial_tiles_go_when_the_full_one_is_there(settings: object) -> None:
    for _ in range(4):
        append(100)
        sequencer.sequence_once()
        sequencer.publish()
    assert anchor.read("tile/0/000") is not None
    assert not (anchor.directory() / "tile/0/000.p").exists()
    assert not (anchor.directory() / "tile/entries/000.p").exists()
    assert (anchor.directory() / "tile/0/001.p/145").exists()


@pytest.mark.django_db
def test_an_empty_log_publishes_nothing() -> None:
    assert sequencer.publish() is None
    assert anchor.published_note() is None


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "heartbeat")
def test_a_minute_without_a_heartbeat_appends_one() -> None:
    with time_machine.travel("2026-11-21T10:00:00Z", tick=False) as clock:
        assert sequencer.sequence_once() == 1
        append(2)
        clock.shift(timedelta(seconds=59))
        assert sequencer.sequence_once() == 2
        clock.shift(timedelta(seconds=1))
        assert sequencer.sequence_once() == 1
        clock.shift(timedelta(days=-1))  # a clock that jumps back cannot silence it
        assert sequencer.sequence_once() == 1
    beats = Entry.objects.filter(type="log.heartbeat").order_by("seq")
    assert [leaf.decode(bytes(each.leaf))["size"] for each in beats] == [0, 3, 4]


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "quarantine")
def test_an_entry_that_changed_before_it_was_signed_is_kept_out_and_told() -> None:
    append(1)
    bad = Entry.objects.create(
        event_id=log.compose(plain()).event_id,
        type="purpose.published",
        leaf=b"flipped",
        leaf_hash=merkle.leaf_hash(b"original"),
    )
    Pending.objects.create(seq=bad.seq)
    append(1)
    assert sequencer.sequence_once() == 3
    assert sequencer.sequence_once() == 1
    row = Quarantine.objects.get()
    assert (row.seq, bytes(row.computed_hash)) == (bad.seq, merkle.leaf_hash(b"flipped"))
    assert not Leaf.objects.filter(seq=bad.seq).exists()
    assert types_in_order()[-1] == "log.quarantined"
    need_sound(4)


@pytest.mark.django_db
def test_waiting_is_measured() -> None:
    assert sequencer.lag() == timedelta(0)
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=90), tick=False):
        append(1)
    assert timedelta(seconds=89) < sequencer.lag() < timedelta(seconds=100)


# Failed, failed but persisted, killed ------------------------------------------------
class Killed(BaseException):
    """The process is gone: nothing of ours gets to handle this."""


STEPS: list[tuple[object, str]] = [
    (sequencer, "_heartbeat"),
    (sequencer, "_pending"),
    (sequencer.storing, "add_leaves"),
    (sequencer.storing, "put_tiles"),
    (sequencer.storing, "no_longer_pending"),
    (publishing, "need_continuation"),
    (publishing, "put_files"),
    (anchor, "write"),
    (anchor, "swap"),
    (publishing, "record"),
    (anchor, "release"),
    (publishing, "drop_partials"),
]


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "failed / failed but persisted / killed")
@pytest.mark.parametrize("error", [OSError, Killed])
@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "persisted"])
@pytest.mark.parametrize(("module", "step"), STEPS, ids=[name for _, name in STEPS])
def test_a_failure_at_any_step_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    step: str,
    persisted: bool,
    error: type[BaseException],
) -> None:
    append(300)
    sequencer.sequence_once()
    sequencer.publish()
    append(300)
    works = getattr(module, step)

    def breaks(*args: object, **values: object) -> None:
        if persisted:
            works(*args, **values)
        raise error("injected")

    monkeypatch.setattr(module, step, breaks)
    with pytest.raises(error):
        both_steps()
    monkeypatch.setattr(module, step, works)
    before = anchor.signed()
    append(10)
    both_steps()
    need_sound(611)
    need_published(611)
    now = anchor.signed()
    assert before is not None
    assert now is not None
    merkle.verify_consistency(
        old=before.size,
        new=now.size,
        old_root=before.root,
        new_root=now.root,
        proof=merkle.consistency_proof(
            before.size, now.size, tiles.Tiles(tiles.from_database).node
        ),
    )


@pytest.mark.django_db
def test_a_publication_that_was_cut_off_is_finished_without_a_second_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append(3)
    sequencer.sequence_once()
    with monkeypatch.context() as broken:
        broken.setattr(anchor, "release", _out_of_space)
        with pytest.raises(OSError, match="space"):
            sequencer.publish()
    signed = anchor.signed_note()
    assert anchor.published_note() is None
    sequencer.publish()
    assert anchor.signed_note() == anchor.published_note() == signed
    need_published(4)


def _out_of_space(_: str) -> None:
    raise OSError("no space left")


@pytest.mark.django_db(transaction=True)
def test_the_loop_outlives_a_failing_disk_and_stops_when_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop, failures = Event(), []
    works = anchor.write

    def fails_twice(path: str, data: bytes) -> None:
        if len(failures) < 2:
            failures.append(path)
            raise OSError("no space left")
        works(path, data)
        if path == "checkpoint":
            stop.set()

    monkeypatch.setattr(anchor, "write", fails_twice)
    append(3)
    sequencer.run(stop, interval=0.01)
    need_published(4)


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("design/log.md", "sweep <= 5 s")
def test_the_loop_closes_windows_of_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, works = Event(), tally.sweep

    def sweep_and_stop() -> int:
        stop.set()
        return works()

    monkeypatch.setattr(tally, "sweep", sweep_and_stop)
    refused = plain(type="record.refused", outcome="refused")
    tally.refuse(refused, b"same", within=timedelta(0))
    assert Tally.objects.exists()
    sequencer.run(stop, interval=0.01)
    assert not Tally.objects.exists()
