"""Refusals in floods: cheap, and exact to the last one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction

from audit import leaf, log, tally
from audit.log import Draft
from audit.models import Detail, Entry, Tally
from keys import tree
from tests.audit.conftest import Person, plain


def told() -> list[dict[str, object]]:
    """Return the refusals as the log tells them."""
    leaves = Entry.objects.filter(type="record.refused").order_by("seq")
    return [leaf.decode(bytes(each.leaf)) for each in leaves]


def answers() -> int:
    """Return how many answers the entries stand for."""
    return sum(int(str(each.get("repeats", 1))) for each in told())


@pytest.fixture
def refusal(read_of: Callable[..., Draft]) -> Draft:
    return read_of(type="record.refused", outcome="refused", reason="not-granted")


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "Refusals in floods")
def test_the_first_refusal_is_an_entry_at_once(refusal: Draft) -> None:
    appended = tally.refuse(refusal, b"same")
    assert appended is not None
    assert [each["id"] for each in told()] == [str(appended.event_id)]


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "Entries plus repeats equal answers")
def test_the_rest_are_one_entry_when_the_window_closes(refusal: Draft, person: Person) -> None:
    with time_machine.travel("2026-11-21T10:00:00Z", tick=False) as clock:
        first = tally.refuse(refusal, b"same")
        assert [tally.refuse(refusal, b"same") for _ in range(41)] == [None] * 41
        assert tally.sweep() == 0
        clock.shift(timedelta(seconds=60))
        assert tally.sweep() == 1
        assert tally.sweep() == 0
    one, rest = told()
    assert first is not None
    assert (rest["repeats"], rest["of"]) == (41, str(first.event_id))
    own = {"id", "time", "commitment", "repeats", "of"}
    assert {k: v for k, v in rest.items() if k not in own} == {
        k: v for k, v in one.items() if k not in own
    }
    assert Detail.objects.filter(person=person.ref).count() == 2
    assert answers() == 42


@pytest.mark.django_db
def test_a_single_refusal_leaves_no_second_entry(refusal: Draft) -> None:
    with time_machine.travel("2026-11-21T10:00:00Z", tick=False) as clock:
        tally.refuse(refusal, b"same")
        clock.shift(timedelta(seconds=61))
        tally.sweep()
    assert answers() == len(told()) == 1
    assert not Tally.objects.exists()


@pytest.mark.django_db
def test_the_next_minute_begins_with_an_entry_and_closes_the_one_before(refusal: Draft) -> None:
    with time_machine.travel("2026-11-21T10:00:00Z", tick=False) as clock:
        for _ in range(3):
            tally.refuse(refusal, b"same")
        clock.shift(timedelta(seconds=61))
        assert tally.refuse(refusal, b"same") is not None
    assert [each.get("repeats") for each in told()] == [None, 2, None]
    assert answers() == 4


@pytest.mark.django_db
def test_refusals_that_differ_are_counted_apart(refusal: Draft) -> None:
    assert all(tally.refuse(refusal, f"key {n}".encode()) for n in range(5))
    assert answers() == 5


@pytest.mark.django_db
def test_a_flood_is_one_row(refusal: Draft) -> None:
    for _ in range(300):
        tally.refuse(refusal, b"same")
    assert Entry.objects.count() == Tally.objects.count() == 1


@pytest.mark.django_db
def test_the_count_survives_the_erasure_of_the_person(refusal: Draft, person: Person) -> None:
    with time_machine.travel("2026-11-21T10:00:00Z", tick=False) as clock:
        for _ in range(3):
            tally.refuse(refusal, b"same")
        with transaction.atomic():
            tree.destroy(person.audit_key)
        clock.shift(timedelta(seconds=61))
        tally.sweep()
    assert answers() == 3
    assert "commitment" not in told()[-1]


@pytest.mark.django_db
def test_a_rollback_takes_the_count_with_it(refusal: Draft) -> None:
    tally.refuse(refusal, b"same")
    with pytest.raises(ZeroDivisionError):
        count_and_fail(refusal)
    assert Tally.objects.get().repeats == 0


@transaction.atomic
def count_and_fail(refusal: Draft) -> None:
    tally.refuse(refusal, b"same")
    raise ZeroDivisionError


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("assurance.md", "I3")
def test_threads_and_closing_windows_lose_no_refusal() -> None:
    # Windows so short that they open and close all the time under the threads' feet.
    short = timedelta(milliseconds=5)
    threads, each = 6, 60
    refusal = plain(type="record.refused", outcome="refused", reason="not-granted")

    def work(_: int) -> None:
        try:
            for n in range(each):
                tally.refuse(refusal, b"same", within=short)
                if n % 10 == 0:
                    tally.sweep()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    with time_machine.travel(timedelta(minutes=2)):
        tally.sweep()
    assert answers() == threads * each
    assert len(told()) > 2


@pytest.mark.django_db
def test_append_and_refuse_write_the_same_leaf(refusal: Draft) -> None:
    log.append(refusal)
    tally.refuse(refusal, b"same")
    own = {"id", "time", "commitment"}
    one, two = ({k: v for k, v in each.items() if k not in own} for each in told())
    assert one == two
