"""Several sequencers and many writers at once: one log, and no effect before its cause."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psycopg
import pytest
from django.db import connection, transaction

from audit import leaf, log, sequencer
from audit.models import Entry, Leaf
from tests.audit.conftest import plain
from tests.audit.sequenced import append, need_published, need_sound


@pytest.fixture
def long_idle_transaction() -> Iterator[None]:
    """Somebody else's transaction that holds a transaction id and does nothing."""
    settings = connection.settings_dict
    other = psycopg.connect(
        dbname=settings["NAME"], user=settings["USER"], host=settings["HOST"], port=settings["PORT"]
    )
    other.execute("SELECT pg_current_xact_id()")
    yield
    other.rollback()
    other.close()


def in_threads(*work: Callable[[], None]) -> None:
    def closing(each: Callable[[], None]) -> None:
        try:
            each()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(closing, each) for each in work]:
            done.result()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_sequencers_and_many_writers_make_one_log() -> None:
    written = threading.Barrier(5)
    stop = Event()

    def write() -> None:
        for _ in range(30):
            append(3)
        written.wait(timeout=60)

    def sequence() -> None:
        while not stop.is_set():
            sequencer.sequence_once(limit=7)
            sequencer.publish()

    def end() -> None:
        written.wait(timeout=60)
        stop.set()

    in_threads(write, write, write, write, sequence, sequence, end)
    while sequencer.sequence_once():
        sequencer.publish()
    sequencer.publish()
    heartbeats = Entry.objects.filter(type="log.heartbeat").count()
    need_sound(4 * 30 * 3 + heartbeats)
    need_published(4 * 30 * 3 + heartbeats)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_second_sequencer_waits_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    sequencer.sequence_once()  # the heartbeat, which would lock the row as well
    append(5)
    inside, go_on, placed = Event(), Event(), []
    works = sequencer._place

    def slowly(*args: object) -> None:
        if not inside.is_set():
            inside.set()
            go_on.wait(timeout=2)  # in vain: the other one cannot get here
        works(*args)  # type: ignore[arg-type]

    def second() -> None:
        assert inside.wait(timeout=30)
        placed.append(sequencer.sequence_once())
        go_on.set()

    monkeypatch.setattr(sequencer, "_place", slowly)
    in_threads(lambda: placed.append(sequencer.sequence_once()), second)
    assert sorted(placed) == [0, 5]
    need_sound(6)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("design/log.md", "causality")
def test_no_effect_stands_before_its_cause(long_idle_transaction: None) -> None:
    """Readers and an ender on one row each; the ender's entry comes after every read of it."""
    grants, stop = 4, Event()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE soak (id int PRIMARY KEY, epoch int NOT NULL)")
        cursor.execute("INSERT INTO soak SELECT n, 1 FROM generate_series(0, %s) n", [grants - 1])
    ending = threading.Semaphore(0)

    def read() -> None:
        seen = 0
        while not stop.is_set():
            number = seen % grants
            seen += 1
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_xact_id()")  # an early transaction id
                cursor.execute("SELECT epoch FROM soak WHERE id = %s FOR SHARE", [number])
                (epoch,) = cursor.fetchone()
                log.append(plain(type="record.read", grant=f"{number:032x}", epoch=epoch))

    def end() -> None:
        for n in range(120):
            number = n % grants
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE soak SET epoch = epoch + 1 WHERE id = %s RETURNING epoch", [number]
                )
                (opens,) = cursor.fetchone()
                grant = f"{number:032x}"
                log.append(plain(type="grant.changed", grant=grant, closes=opens - 1, opens=opens))
        stop.set()
        ending.release()

    def sequence() -> None:
        while not stop.is_set():
            sequencer.sequence_once(limit=50)

    try:
        in_threads(read, read, read, end, sequence)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE soak")
    while sequencer.sequence_once():
        pass
    need_order()


def need_order() -> None:
    """Hold every read to its epoch: after the entry that opened it, before the one that closed."""
    epochs: dict[str, int] = {}
    reads = 0
    entries = {each.seq: bytes(each.leaf) for each in Entry.objects.all()}
    for seq in Leaf.objects.order_by("index").values_list("seq", flat=True):
        fields = leaf.decode(entries[seq])
        if fields["type"] == "grant.changed":
            assert fields["closes"] == epochs.get(fields["grant"], 1)
            epochs[fields["grant"]] = fields["opens"]
        elif fields["type"] == "record.read":
            assert fields["epoch"] == epochs.get(fields["grant"], 1)
            reads += 1
    assert reads > 50


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_late_is_not_lost() -> None:
    begun, go_on = Event(), Event()

    def late() -> None:
        with transaction.atomic():
            log.append(plain(count=1))
            begun.set()
            assert go_on.wait(timeout=30)

    def meanwhile() -> None:
        assert begun.wait(timeout=30)
        append(1)
        sequencer.sequence_once()
        go_on.set()

    in_threads(late, meanwhile)
    sequencer.sequence_once()
    need_sound(3)
