"""Fifty at the same moment, on PostgreSQL: whatever ends a grant against whatever lives by it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from audit.models import Entry
from consent import contributions, deregistration, grants, requests, suspensions
from consent.access import calls, reading
from consent.actors import Actor
from consent.exceptions import AlreadyDecided, GrantEnded, PartnerSuspended, TryAgain
from consent.models import AccessRequest, Client, Delivery, Grant, Obligation
from consent.oauth import tokens
from keys.models import CategoryWrap, DestroyedKey
from tests import cast
from tests.leaves import leaves
from tests.threads import errors, together
from vault import pods
from vault.models import Pod

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
THREADS = 50
WITHDRAWN = Grant.EndKind.WITHDRAWN
ENDS = tuple(f"grant.{kind}" for kind in Grant.EndKind.values)
STAY = {"hotel": "마루호텔", "city": "서울", "check_in": "2026-11-20", "check_out": "2026-11-21"}


@pytest.fixture
def client() -> Client:
    made = cast.make_client()
    cast.make_template(made.partner)
    return made


@pytest.fixture
def pod() -> Pod:
    made = cast.make_pod()
    pods.put(made, "stay", STAY)
    return made


def ways(grant: Grant) -> list[Callable[[], Any]]:
    pod, owner, house = grant.pod, Actor.owner(grant.pod.owner), Actor.operator()
    return [
        lambda: grants.end(grant, WITHDRAWN, "", owner),
        lambda: grants.end_item(grant.items.all()[0], WITHDRAWN, "", owner),
        lambda: grants.end_all(pod, WITHDRAWN, "", owner),
        lambda: grants.end_partner(pod, grant.partner, WITHDRAWN, "", owner),
        lambda: grants.end_category(pod, "stay", WITHDRAWN, "", owner),
        lambda: grants.end_purpose(pod, grant.purpose, WITHDRAWN, "", owner),
        lambda: grants.invalidate(Grant.objects.filter(pk=grant.pk), "coerced", house),
        lambda: deregistration.deregister(grant.partner, house),
        lambda: grants.pause_all(pod, owner),
        lambda: grants.resume_all(pod, owner),
    ]


def fifty(calls_: list[Callable[[], Any]]) -> list[Callable[[], Any]]:
    return (calls_ * THREADS)[:THREADS]


def end_of(grant: Grant) -> dict[str, Any]:
    (told,) = leaves(*ENDS, grant=grant.ref)
    return told


@pytest.mark.rule("consent.md", "P8")
def test_of_fifty_ends_in_every_way_one_counts(pod: Pod, client: Client) -> None:
    first = cast.make_grant(pod, client, items=[cast.make_item(n) for n in ("stay", "itinerary")])
    others = [cast.make_grant(pod) for _ in range(3)]

    outcomes = together(*fifty([way for grant in (first, *others) for way in ways(grant)]))

    assert errors(outcomes) == []
    for grant in (first, *others):
        assert end_of(grant)
        ended = Grant.objects.get(pk=grant.pk)
        assert ended.key_id is None
        assert not CategoryWrap.objects.filter(under=grant.key_id).exists()
        assert Delivery.objects.filter(grant=grant, event_type__in=said(ended)).count() <= 1
    assert DestroyedKey.objects.filter(kind="grant").count() >= len(others) + 1


def said(grant: Grant) -> list[str]:
    return [f"grant-{grant.end_kind}"]


@pytest.mark.rule("consent.md", "P9")
def test_ends_and_renewals_leave_at_most_one_alive(pod: Pod, client: Client) -> None:
    cast.make_grant(pod, client)
    asked = [_asked(pod, client) for _ in range(15)]
    owner = Actor.owner(pod.owner)
    renew = [lambda each=each: cast.approve(each) for each in asked]
    end = [lambda: grants.end_all(pod, WITHDRAWN, "", owner)] * (THREADS - len(renew))

    outcomes = together(*[call for pair in zip(renew, end, strict=False) for call in pair],
                        *end[len(renew):])  # fmt: skip

    assert errors(outcomes) == []
    given = Grant.objects.of(pod)
    assert given.count() == len(asked) + 1
    assert given.unended().count() <= 1
    assert given.unended().count() == given.live().count()
    for grant in given.exclude(ended_at=None):
        assert end_of(grant)["closes"] == 1


def _asked(pod: Pod, client: Client) -> AccessRequest:
    request = cast.submit(client, cast.make_body()).request
    requests.bind(request, pod)
    return AccessRequest.objects.select_related("pod__owner").get(pk=request.pk)


@pytest.mark.rule("consent.md", "P1")
def test_no_read_is_served_after_the_end(pod: Pod, client: Client) -> None:
    grant = cast.make_grant(pod, client)
    digest = tokens.digest(tokens.issue(client))
    call = calls.parse({"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    read = [lambda: reading.read(digest, call)] * (THREADS - 2)
    owner = Actor.owner(pod.owner)
    end = lambda: grants.end_partner(pod, grant.partner, WITHDRAWN, "", owner)  # noqa: E731

    outcomes = together(*read[:24], end, *read[24:], end)

    assert {type(error) for error in errors(outcomes)} <= {GrantEnded, TryAgain}
    served = [each for each in outcomes if isinstance(each, dict)]
    told = leaves("record.read", *ENDS, grant=grant.ref)
    assert len(leaves("record.read", grant=grant.ref)) == len(served)
    assert told[-1]["type"] == "grant.withdrawn"
    assert Obligation.objects.filter(grant=grant).exists() == bool(served)


@pytest.mark.rule("consent.md", "7.1")
@pytest.mark.parametrize("way", ["category", "brand"])
def test_nothing_is_brought_after_the_end(pod: Pod, client: Client, way: str) -> None:
    item = cast.make_item(action="contribute")
    grant = cast.make_grant(pod, client, items=[item])
    body = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE, "record": STAY}
    bring = [lambda: contributions.contribute(client, body, idempotency_key=uuid4().hex)] * 48
    owner = Actor.owner(pod.owner)
    # Ending a category holds the pod, which a contribution shares; ending a brand, the grants alone.
    ends = {
        "category": lambda: grants.end_category(pod, "stay", WITHDRAWN, "", owner),
        "brand": lambda: grants.end_partner(pod, grant.partner, WITHDRAWN, "", owner),
    }

    outcomes = together(*bring[:24], ends[way], *bring[24:], ends[way])

    assert {type(error) for error in errors(outcomes)} <= {GrantEnded}
    told = leaves("record.contributed", *ENDS, grant=grant.ref)
    assert told[-1]["type"] == "grant.withdrawn"
    brought = sum(isinstance(each, dict) for each in outcomes)
    assert len(told) - 1 == brought == pod.records.filter(source="partner").count()


@pytest.mark.rule("consent.md", "2.3")
@pytest.mark.parametrize("struck_off", [False, True])
def test_nothing_given_to_a_brand_outlives_its_suspension(
    client: Client, *, struck_off: bool
) -> None:
    asked = [_asked(cast.make_pod(), client) for _ in range(THREADS - 2)]
    house = Actor.operator()

    def stop() -> Any:
        if struck_off:
            return deregistration.deregister(client.partner, house)
        return suspensions.suspend(client.partner, "partner-breach", house)

    give = [lambda each=each: cast.approve(each) for each in asked]
    outcomes = together(*give[:24], stop, *give[24:], stop)

    assert {type(error) for error in errors(outcomes)} <= {PartnerSuspended, AlreadyDecided}
    given = Grant.objects.to(client.partner)
    assert not given.live().exists()
    if struck_off:
        assert not given.unended().exists()
    closed = leaves("partner.suspended", "partner.deregistered")
    last_given = Entry.objects.filter(type="grant.given").order_by("seq").last()
    first_stop = Entry.objects.filter(type=closed[0]["type"]).get()
    assert last_given is None or last_given.seq < first_stop.seq
