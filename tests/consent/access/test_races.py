"""A read against everything that can take its permission away, at the same moment, on PostgreSQL.

Single schedules, door by door, are in tests/door/test_in_flight.py; here are crowds and storms.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from typing import Any

import orjson
import pytest
from django.db import close_old_connections, transaction

from audit.models import Entry
from consent import grants, partners
from consent.access import calls, reading
from consent.actors import Actor
from consent.contributions import bulk
from consent.exceptions import (
    BudgetSpent,
    ConsentError,
    TokenRefused,
)
from consent.models import Client, Grant, GrantUse
from consent.oauth import tokens
from tests import cast, threads
from tests.consent.access.conftest import STAY
from tests.threads import wait_until_somebody_waits
from vault import pods
from vault.models import Pod, Record

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def in_thread(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> "Future[Any]":
    """Run `work` on a connection of its own; a refusal is its result."""
    return threads.in_thread(pool, work, ConsentError)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as made:
        yield made


@pytest.fixture
def stay(pod: Pod) -> Any:
    return pods.put(pod, "stay", STAY)


def test_a_token_killed_while_the_read_waits_is_killed_after_it_or_wins(
    grant: Grant, hotel: Client, stay: Any, pool: ThreadPoolExecutor
) -> None:
    value = tokens.issue(hotel)
    call = calls.parse({"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE})

    with transaction.atomic():
        Grant.objects.select_for_update().get(pk=grant.pk)
        reads = in_thread(pool, lambda: reading.read(tokens.digest(value), call))
        wait_until_somebody_waits()
        killed = in_thread(pool, lambda: tokens.kill(value, hotel))
        time.sleep(0.2)
        assert not killed.done()
    answer = reads.result(timeout=10)
    killed.result(timeout=10)

    if isinstance(answer, dict):
        read_at = Entry.objects.get(type="record.read").seq
        assert read_at < Entry.objects.filter(type="partner.changed").latest("seq").seq
    again = in_thread(pool, lambda: reading.read(tokens.digest(value), call))
    assert isinstance(again.result(timeout=10), TokenRefused)


@pytest.mark.rule("consent.md", "P2")
@pytest.mark.parametrize("unit", ["day", "total", "record"])
def test_fifty_readers_never_read_more_than_agreed_and_never_deadlock(
    unit: str, pod: Pod, hotel: Client, token: bytes, pool: ThreadPoolExecutor
) -> None:
    for number in range(5):
        pods.put(pod, "stay", STAY | {"hotel": f"H{number}"})
    given = cast.make_grant(pod, hotel, frequency={"count": 7, "unit": unit})
    call = calls.parse({"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE})

    reads = [in_thread(pool, lambda: reading.read(token, call)) for _ in range(50)]
    answers = [each.result(timeout=60) for each in reads]

    assert sum(isinstance(answer, dict) for answer in answers) == 7
    assert sum(isinstance(answer, BudgetSpent) for answer in answers) == 43
    assert set(GrantUse.objects.values_list("used", flat=True)) == {7}
    assert Entry.objects.filter(type="record.read").count() == 7


@pytest.mark.rule("consent.md", "6.4")
def test_the_same_key_at_the_same_moment_is_counted_once(
    pod: Pod, hotel: Client, token: bytes, stay: Any, pool: ThreadPoolExecutor
) -> None:
    given = cast.make_grant(pod, hotel, frequency={"count": 9, "unit": "total"})
    body = {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    call = calls.parse(body | {"idempotency_key": "once"})

    reads = [in_thread(pool, lambda: reading.read(token, call)) for _ in range(4)]
    answers = [each.result(timeout=60) for each in reads]

    assert all(isinstance(answer, dict) for answer in answers)
    assert GrantUse.objects.get().used == 1


@pytest.mark.rule("assurance.md", "I2")
def test_under_a_storm_no_read_lies_outside_its_epoch(
    pod: Pod, hotel: Client, token: bytes, stay: Any, owner: Actor, pool: ThreadPoolExecutor
) -> None:
    given = cast.make_grant(pod, hotel)
    call = calls.parse({"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    stop = threading.Event()

    def reader() -> int:
        served = 0
        while not stop.is_set():
            with suppress(ConsentError):
                served += bool(reading.read(token, call))
        return served

    with threads.idle_transaction():
        readers = [in_thread(pool, reader) for _ in range(8)]
        _storm(given, owner, random.Random(20261121))
        stop.set()
        served = sum(each.result(timeout=30) for each in readers)
    close_old_connections()

    assert served > 0
    assert served == Entry.objects.filter(type="record.read").count()
    _check_epochs()


def _storm(given: Grant, owner: Actor, chance: random.Random) -> None:
    """Pause, resume, suspend, reinstate; in the end, end."""
    for _ in range(60):
        now = Grant.objects.select_related("partner", "pod").get(pk=given.pk)
        if now.partner.suspended_at:
            partners.reinstate(now.partner, cast.OPERATOR)
        elif now.paused_at:
            grants.resume(now, owner)
        elif chance.random() < 0.2:
            partners.suspend(now.partner, "court-order", cast.OPERATOR)
        else:
            grants.pause(now, owner)
        time.sleep(chance.random() / 50)
    now = Grant.objects.get(pk=given.pk)
    grants.end(now, Grant.EndKind.WITHDRAWN, "owner", owner)


def _check_epochs() -> None:
    """In the order of the log every read lies between what opened and what closed its epochs."""
    open_epoch: dict[str, int | None] = {}
    for leaf in Entry.objects.order_by("seq").values_list("leaf", flat=True):
        entry = orjson.loads(bytes(leaf))
        kind = entry["type"].partition(".")[0]
        if kind in {"grant", "partner"} and kind in entry:
            if "closes" in entry:
                assert open_epoch[entry[kind]] == entry["closes"]
                open_epoch[entry[kind]] = None
            if "opens" in entry:
                open_epoch[entry[kind]] = entry["opens"]
        if entry["type"] in {"record.read", "record.contributed"}:
            assert open_epoch[entry["grant"]] == entry["epoch"]
            partner = entry["actor"]["partner"]
            assert open_epoch[partner] == entry["partner_epoch"]


@pytest.mark.rule("consent.md", "P8")
def test_the_same_items_brought_by_many_at_once_are_there_once(
    pod: Pod, hotel: Client, pool: ThreadPoolExecutor
) -> None:
    given = [
        cast.make_grant(each, hotel, items=[cast.make_item("stay", action="contribute")])
        for each in (pod, cast.make_pod(), cast.make_pod())
    ]
    found = [
        orjson.dumps(
            {"key": f"{number}", "subject": grant.pairwise, "category": "stay",
             "purpose": cast.PURPOSE, "record": STAY | {"room": str(number)}}
        )
        for number, grant in enumerate(given * 20)
    ]  # fmt: skip
    digest = tokens.digest(tokens.issue(hotel))

    def bring(order: int) -> Any:
        mine = random.Random(order).sample(found, len(found))
        return bulk.take(hotel, digest, BytesIO(b"\n".join(mine)).read, idempotency_key="once")

    brought = [in_thread(pool, lambda order=order: bring(order)) for order in range(8)]
    results = [each.result(timeout=60) for each in brought]

    assert all("record" in one for each in results for one in each)
    assert len({one["record"] for each in results for one in each}) == len(found)
    assert Record.objects.count() == len(found)
    assert Entry.objects.filter(type="record.contributed").count() == len(found)


@pytest.mark.rule("assurance.md", "I2")
def test_records_that_come_while_the_owner_deletes_and_withdraws_stay_whole(
    pod: Pod, hotel: Client, owner: Actor, pool: ThreadPoolExecutor
) -> None:
    given = cast.make_grant(pod, hotel, items=[cast.make_item("stay", action="contribute")])
    digest, stop = tokens.digest(tokens.issue(hotel)), threading.Event()
    line = orjson.dumps(
        {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE, "record": STAY}
    )

    def bringer(name: int) -> int:
        taken, round_ = 0, 0
        while not stop.is_set():
            round_ += 1
            read = BytesIO(b"\n".join([line] * 5)).read
            results = bulk.take(hotel, digest, read, idempotency_key=f"{name}-{round_}")
            taken += sum("record" in one for one in results)
        return taken

    bringers = [in_thread(pool, lambda name=name: bringer(name)) for name in range(4)]
    deleted = 0
    for _ in range(15):
        time.sleep(0.02)
        for record in Record.objects.all()[:2]:
            pods.delete(record)
            deleted += 1
    grants.end(Grant.objects.get(pk=given.pk), Grant.EndKind.WITHDRAWN, "owner", owner)
    ended = Entry.objects.latest("seq").seq
    stop.set()
    taken = sum(each.result(timeout=60) for each in bringers)

    assert taken > deleted > 0
    assert len(pods.read(pod, "stay")) == taken - deleted
    assert Entry.objects.filter(type="record.contributed").count() == taken
    assert not Entry.objects.filter(type="record.contributed", seq__gt=ended).exists()
    _check_epochs()
