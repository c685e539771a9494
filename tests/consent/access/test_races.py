"""A read against everything that can take its permission away, at the same moment, on PostgreSQL.

The schedule is always the dangerous one: the change holds its locks, the read starts and waits,
the change commits. What a read decided on before the wait must not be served after it.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

import orjson
import psycopg
import pytest
from django.db import close_old_connections, connection, connections, transaction
from django.utils import timezone

from audit.models import Entry
from consent import erasure, grants, partners
from consent.access import batch, calls, changes, reading
from consent.actors import Actor
from consent.contributions import bulk
from consent.exceptions import (
    BudgetSpent,
    ConsentError,
    GrantEnded,
    GrantPaused,
    PartnerSuspended,
    TokenRefused,
)
from consent.models import Client, Grant, GrantUse
from consent.oauth import tokens
from tests import cast
from tests.consent.access.conftest import STAY
from tests.leaves import leaves
from vault import pods
from vault.models import Pod, Record

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def in_thread(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> "Future[Any]":
    """Run `work` on a connection of its own; its error is its result."""

    def run() -> Any:
        try:
            return work()
        except ConsentError as error:
            return error
        finally:
            connections.close_all()

    return pool.submit(run)


def wait_until_somebody_waits() -> None:
    """Return once another connection of this database waits for a lock."""
    deadline = time.monotonic() + 5
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Within a transaction the view would show its first picture again and again.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(query)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.005)
    raise AssertionError("nobody waited for the lock")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as made:
        yield made


@pytest.fixture
def stay(pod: Pod) -> Any:
    return pods.put(pod, "stay", STAY)


# Every door that gives or takes data: one call through it, and the entry that a yes is.
def through_read(grant: Grant, client: Client) -> Any:
    call = calls.parse({"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    return reading.read(tokens.digest(tokens.issue(client)), call)


def through_bulk(grant: Grant, client: Client) -> Any:
    body = {
        "subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE, "record": STAY,
    }  # fmt: skip
    digest = tokens.digest(tokens.issue(client))
    read = BytesIO(orjson.dumps(body)).read
    (result,) = bulk.take(client, digest, read, idempotency_key="race")
    return result


def through_batch(grant: Grant, client: Client) -> Any:
    # Beside somebody else's grant, which nothing happens to.
    other = cast.make_grant(cast.make_pod(), client)
    body = {
        "subjects": [other.pairwise, grant.pairwise], "category": "stay", "purpose": cast.PURPOSE,
    }  # fmt: skip
    digest = tokens.digest(tokens.issue(client))
    untouched, answer = batch.read(digest, batch.parse(body))
    assert isinstance(untouched, dict)
    return answer


def through_changes(grant: Grant, client: Client) -> Any:
    body = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    return changes.read(tokens.digest(tokens.issue(client)), changes.parse(body))


@dataclass(frozen=True)
class Door:
    """A door with a grant that lets one call through."""

    grant: Grant
    call: Callable[[], Any]
    entry: str


DOORS: dict[str, tuple[Callable[[Grant, Client], Any], str, str]] = {
    "read": (through_read, "read", "record.read"),
    "batch": (through_batch, "read", "record.read"),
    "changes": (through_changes, "read", "record.read"),
    "bulk": (through_bulk, "contribute", "record.contributed"),
}


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, pod: Pod, hotel: Client, stay: Any) -> Door:
    call, action, entry = DOORS[request.param]
    given = cast.make_grant(pod, hotel, items=[cast.make_item("stay", action=action)])
    return Door(given, lambda: call(given, hotel), entry)


def said(answer: Any) -> str | None:
    """The code of a refusal, however the door puts it; None for a yes."""
    return answer.code if isinstance(answer, ConsentError) else answer.get("error")


CHANGES: dict[str, tuple[Callable[[Grant, Actor], object], type[ConsentError]]] = {
    "end": (lambda g, a: grants.end(g, Grant.EndKind.WITHDRAWN, "owner", a), GrantEnded),
    "item": (
        lambda g, a: grants.end_item(g.items.get(), Grant.EndKind.WITHDRAWN, "owner", a),
        GrantEnded,
    ),
    "pause": (grants.pause, GrantPaused),
    "pause all": (lambda g, a: grants.pause_all(g.pod, a), GrantPaused),
    "end all": (
        lambda g, a: grants.end_all(g.pod, Grant.EndKind.WITHDRAWN, "owner", a),
        GrantEnded,
    ),
    "suspension": (
        lambda g, a: partners.suspend(g.partner, "court-order", cast.OPERATOR),
        PartnerSuspended,
    ),
    "client": (
        lambda g, a: partners.revoke_client(g.partner.clients.get(), cast.OPERATOR),
        TokenRefused,
    ),
    "erasure": (lambda g, a: erasure.erase_pod(g.pod, a), GrantEnded),
}


@pytest.mark.rule("consent.md", "P1")
@pytest.mark.parametrize("name", CHANGES)
def test_a_call_that_waited_for_a_change_is_not_served(
    name: str, door: Door, owner: Actor, pool: ThreadPoolExecutor
) -> None:
    change, refusal = CHANGES[name]

    with transaction.atomic():
        change(door.grant, owner)
        calling = in_thread(pool, door.call)
        wait_until_somebody_waits()

    assert said(calling.result(timeout=10)) == refusal.code
    assert not [leaf for leaf in leaves(door.entry) if leaf["grant"] == door.grant.ref]


@pytest.mark.rule("consent.md", "6.3")
@pytest.mark.parametrize("clock", ["expires_at", "bound_ends_at"])
def test_an_expiry_that_falls_into_the_wait_counts(
    clock: str, door: Door, pool: ThreadPoolExecutor
) -> None:
    grant = door.grant
    soon = timezone.now() + timedelta(milliseconds=400)
    Grant.objects.filter(pk=grant.pk).update(**{clock: soon})

    with transaction.atomic():
        Grant.objects.select_for_update().get(pk=grant.pk)
        calling = in_thread(pool, door.call)
        wait_until_somebody_waits()
        while timezone.now() <= soon:
            time.sleep(0.02)

    assert said(calling.result(timeout=10)) == GrantEnded.code
    assert not [leaf for leaf in leaves(door.entry) if leaf["grant"] == door.grant.ref]


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


@contextmanager
def idle_transaction() -> Iterator[None]:
    """Somebody elsewhere in the cluster began a transaction and went to lunch."""
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None), parameters.pop("context", None)
    parameters.pop("server_side_binding", None), parameters.pop("prepare_threshold", None)
    with psycopg.connect(**parameters) as idle:
        idle.execute("SELECT txid_current()")
        yield


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

    with idle_transaction():
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
