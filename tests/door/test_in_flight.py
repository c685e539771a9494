"""A call in flight while its permission ends, through every door there is: never served after.

The schedules are the dangerous ones, with real locks on PostgreSQL. Either the end holds its
locks, the call starts, waits, and the end commits; or the call holds its own, and the end has to
wait for it, and knows of it. Beside all of them somebody keeps a transaction open.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from audit.models import Detail, Entry
from consent import deregistration, erasure, grants, partners, suspensions
from consent.actors import Actor
from consent.models import Grant, Obligation, Partner
from tests import cast, threads
from tests.audit import bundles
from tests.door.brand import Brand
from tests.door.doors import CANARY, DOORS, ME, NO_VALUES, Call, Door, Visit
from tests.door.test_routes import ALLOWED, path_of
from tests.leaves import leaves
from vault import pods
from vault.models import Pod

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
WITHDRAWN = Grant.EndKind.WITHDRAWN
HOUSE = Actor.operator()
ENDS = tuple(f"grant.{kind}" for kind in Grant.EndKind.values)


def of(grant: Grant) -> Actor:
    return Actor.owner(grant.pod.owner)


def guardian(grant: Grant) -> Actor:
    return Actor.guardian(cast.make_owner(), grant.pod.owner)


# Whatever takes a permission away, and what the caller is told after it.
CHANGES: dict[str, tuple[Callable[[Grant], object], str]] = {
    "end": (lambda g: grants.end(g, WITHDRAWN, "", of(g)), "grant-ended"),
    "item": (lambda g: grants.end_item(g.items.get(), WITHDRAWN, "", of(g)), "grant-ended"),
    "brand": (lambda g: grants.end_partner(g.pod, g.partner, WITHDRAWN, "", of(g)), "grant-ended"),
    "category": (
        lambda g: [
            grants.end_category(g.pod, name, WITHDRAWN, "", of(g)) for name in ("stay", "identity")
        ],
        "grant-ended",
    ),
    "purpose": (lambda g: grants.end_purpose(g.pod, g.purpose, WITHDRAWN, "", of(g)), "grant-ended"),
    "everything": (lambda g: grants.end_all(g.pod, WITHDRAWN, "", of(g)), "grant-ended"),
    "guardian": (lambda g: grants.end(g, WITHDRAWN, "", guardian(g)), "grant-ended"),
    "found invalid": (
        lambda g: grants.invalidate(Grant.objects.filter(pk=g.pk), "coerced", HOUSE),
        "grant-ended",
    ),
    "erasure": (lambda g: erasure.erase_pod(g.pod, of(g)), "grant-ended"),
    "pause": (lambda g: grants.pause(g, of(g)), "grant-paused"),
    "pause everything": (lambda g: grants.pause_all(g.pod, of(g)), "grant-paused"),
    "grant suspended": (lambda g: grants.suspend(g, "court-order", HOUSE), "grant-paused"),
    "brand suspended": (
        lambda g: suspensions.suspend(g.partner, "court-order", HOUSE),
        "partner-suspended",
    ),
    "brand struck off": (lambda g: deregistration.deregister(g.partner, HOUSE), "partner-suspended"),
    "client revoked": (
        lambda g: partners.revoke_client(g.partner.clients.get(), cast.OPERATOR),
        "invalid-token",
    ),
}  # fmt: skip


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as made:
        yield made


@pytest.fixture(autouse=True)
def _at_lunch() -> Iterator[None]:
    """Somebody elsewhere keeps a transaction open all the while."""
    with threads.idle_transaction():
        yield


@pytest.fixture
def pod(db: None) -> Pod:
    """A guest who has been here, and who she is."""
    made = cast.make_pod()
    pods.put(made, "identity", ME)
    pods.put(made, "stay", {"hotel": CANARY, "check_in": "2026-11-20"})
    return made


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> Door:
    return DOORS[request.param]


@pytest.fixture
def visit(door: Door, pod: Pod) -> Visit:
    return door.visit(pod)


@pytest.fixture
def call(door: Door, visit: Visit) -> Call:
    return door.prepare(visit)


def yeses(door: Door, grant: Grant) -> int:
    return len(leaves(door.entry, grant=grant.ref))


def verifier_agrees(tmp_path: Path) -> bool:
    """Whether verify.py finds nothing in the whole log, epochs above all."""
    bundles.exported(tmp_path / "bundle")
    report = bundles.verified(tmp_path / "bundle")
    return (report.exit, report.codes) == (0, frozenset())


@pytest.mark.rule("a door says yes before, or the tests below say nothing", "issue 3")
def test_every_door_is_open_before(door: Door, visit: Visit, call: Call) -> None:
    before = yeses(door, visit.grant)
    assert door.said(call()) is None
    assert yeses(door, visit.grant) == before + 1


@pytest.mark.rule("consent.md", "P1")
@pytest.mark.parametrize("name", CHANGES)
def test_a_call_that_waited_for_a_change_is_not_served(
    name: str, door: Door, visit: Visit, call: Call, pool: ThreadPoolExecutor, tmp_path: Path
) -> None:
    change, refusal = CHANGES[name]
    before = yeses(door, visit.grant)

    with transaction.atomic():
        change(visit.grant)
        calling = threads.in_thread(pool, call)
        threads.wait_until_somebody_waits()
    answer = calling.result(timeout=10)

    assert door.said(answer) == refusal
    assert CANARY not in answer.content.decode()
    assert yeses(door, visit.grant) == before
    assert verifier_agrees(tmp_path)


@pytest.mark.rule("consent.md", "P1, P5")
def test_an_end_waits_for_the_call_that_was_first_and_owes_for_it(
    door: Door, visit: Visit, call: Call, pool: ThreadPoolExecutor, tmp_path: Path
) -> None:
    grant, served, go_on = visit.grant, Event(), Event()

    def slowly() -> Any:
        with transaction.atomic():
            answer = call()
            served.set()
            assert go_on.wait(timeout=10)
        return answer

    first = threads.in_thread(pool, slowly)
    assert served.wait(timeout=10)
    ending = threads.in_thread(pool, lambda: grants.end(grant, WITHDRAWN, "", of(grant)))
    threads.wait_until_somebody_waits()
    go_on.set()
    ending.result(timeout=10)

    assert door.said(first.result(timeout=10)) is None
    told = leaves(door.entry, *ENDS, grant=grant.ref)
    assert [leaf["type"] for leaf in told[-2:]] == [door.entry, "grant.withdrawn"]
    assert Obligation.objects.filter(grant=grant).exists() == (door.entry == "record.read")
    assert door.said(call()) == "grant-ended"
    assert verifier_agrees(tmp_path)


@pytest.mark.rule("consent.md", "6.3")
@pytest.mark.parametrize("clock", ["expires_at", "bound_ends_at"])
def test_an_expiry_that_falls_into_the_wait_counts(
    clock: str, door: Door, visit: Visit, call: Call, pool: ThreadPoolExecutor
) -> None:
    before = yeses(door, visit.grant)
    soon = timezone.now() + timedelta(milliseconds=400)
    Grant.objects.filter(pk=visit.grant.pk).update(**{clock: soon})

    with transaction.atomic():
        Grant.objects.select_for_update().get(pk=visit.grant.pk)
        calling = threads.in_thread(pool, call)
        threads.wait_until_somebody_waits()
        while timezone.now() <= soon:
            time.sleep(0.02)

    assert door.said(calling.result(timeout=10)) == "grant-ended"
    assert yeses(door, visit.grant) == before


@pytest.mark.rule("assurance.md", "I2, I3")
def test_a_storm_through_all_doors_at_once_is_over_with_the_end(
    pod: Pod, pool: ThreadPoolExecutor, tmp_path: Path
) -> None:
    visits = [(door, door.visit(pod)) for door in DOORS.values()]
    ended, entered = Event(), Event()

    def guest(door: Door, visit: Visit) -> int:
        call, served = door.prepare(visit), 0
        while not ended.is_set():
            served += door.said(call()) is None
            if served:
                entered.set()
        return served

    calling = [threads.in_thread(pool, lambda one=one: guest(*one)) for one in visits]
    assert entered.wait(timeout=20)
    time.sleep(0.5)
    grants.end_all(pod, WITHDRAWN, "", Actor.owner(pod.owner))
    last = Entry.objects.filter(type="grant.withdrawn").latest("seq").seq
    time.sleep(0.2)
    ended.set()
    served = [each.result(timeout=30) for each in calling]

    assert sum(map(bool, served)) > len(DOORS) // 2
    taken = Detail.objects.filter(type__in=("record.read", "record.contributed"))
    ours = [visit.grant.ref for _, visit in visits]
    assert not taken.filter(grant_ref__in=ours, seq__gt=last).exists()
    assert verifier_agrees(tmp_path)


@pytest.mark.rule("what carries no value carries none", "issue 3")
@pytest.mark.parametrize("route", sorted(NO_VALUES))
def test_no_value_passes_through_any_other_route(route: str, hotel: Brand, pod: Pod) -> None:
    Partner.objects.filter(pk=hotel.made.client.partner_id).update(event_delivery="poll")
    grant = cast.make_grant(pod, hotel.made.client)
    assert (
        CANARY
        in hotel.read(
            {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
        ).content.decode()
    )
    for _ in range(2):
        for method in sorted(ALLOWED[route]):
            answer = hotel.send(method, path_for(route, grant), b"{}")
            assert CANARY not in answer.content.decode()
        grants.end(grant, WITHDRAWN, "", of(grant))


def path_for(route: str, grant: Grant) -> str:
    """The path of this grant's own thing where there is one."""
    owed = Obligation.objects.filter(grant=grant).first()
    own = {"request_id": grant.request_id, "grant_id": grant.pk, "obligation_id": owed and owed.pk}
    for name, value in own.items():
        if value is not None:
            route = route.replace(f"<uuid:{name}>", str(value))
    return path_of(route) if "<" in route else f"/{route}"
