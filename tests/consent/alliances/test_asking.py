"""Several brands ask together: every stop by the rules of its own brand, or none at all."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from consent import alliances, partners, standing
from consent.actors import Actor
from consent.alliances import asking
from consent.exceptions import (
    KeyReuse,
    LinkRefused,
    PartnerSuspended,
    RequestAgainstRule,
    RequestInvalid,
    RequestThrottled,
    UnknownThing,
)
from consent.models import AccessRequest, Journey
from consent.requests import open_link
from consent.standing import About
from tests import airport, cast
from tests.airport import Airport
from tests.leaves import is_about, leaves, only
from vault.models import Pod

pytestmark = pytest.mark.django_db


@pytest.fixture
def sky() -> Airport:
    return airport.make_airport()


def test_each_stop_is_a_request_of_its_own_brand(sky: Airport, pod: Pod) -> None:
    journey = airport.ask(sky, pod).journey

    requests = [stop.request for stop in journey.stops.select_related("request__client")]
    assert [each.client for each in requests] == sky.clients
    assert [each.partner for each in requests] == [each.partner for each in sky.clients]
    assert {each.pod for each in requests} == {pod}
    assert {each.bound_ends_at for each in requests} == {journey.ends_at}
    assert {each.bound_ref for each in requests} == {str(journey.pk)}
    asked = only("journey.asked")
    assert (asked["journey"], asked["alliance"], asked["count"]) == (
        journey.ref, sky.alliance.ref, 3,
    )  # fmt: skip
    assert is_about(pod.owner.ref, "journey.asked")
    made = leaves("request.made")
    assert len(made) == 3
    assert {each["actor"]["partner"] for each in made} == {sky.lead.partner.ref}


@pytest.mark.rule("design/log.md", "No leaf carries a person")
def test_no_leaf_joins_a_journey_with_its_requests(sky: Airport, pod: Pod) -> None:
    airport.ask(sky, pod)
    assert not [each for each in leaves() if "journey" in each and "request" in each]


def test_the_same_key_gives_the_same_journey_and_no_other_body(sky: Airport, pod: Pod) -> None:
    body, key = airport.body_of(sky, pod), uuid4().hex
    first = alliances.ask(sky.lead, body, idempotency_key=key)
    again = alliances.ask(sky.lead, body, idempotency_key=key)
    assert first.journey == again.journey
    assert AccessRequest.objects.count() == 3
    other = body | {"name": {"ko": "다른 날", "en": "Another day"}}
    with pytest.raises(KeyReuse):
        alliances.ask(sky.lead, other, idempotency_key=key)


def broken(**changes: Any) -> Any:
    return lambda sky: airport.body_of(sky) | changes


def with_stop(*stops: Any) -> Any:
    return lambda sky: airport.body_of(sky, stops=[each(sky) for each in stops])


def in_days(days: float) -> str:
    return (timezone.now() + timedelta(days=days)).isoformat()


AGAINST_RULES = {
    "journey-past": broken(ends=in_days(-1)),
    "journey-above-year": broken(ends=in_days(400)),
    "stop-repeated": with_stop(
        lambda sky: airport.stop(sky.clients[0], 0), lambda sky: airport.stop(sky.clients[1], 0)
    ),
    "stop-not-a-member": with_stop(lambda sky: airport.stop(cast.make_client(), 0)),
    "alliance-not-led": broken(alliance=str(uuid4())),
    "purpose-not-registered": with_stop(
        lambda sky: airport.stop(sky.clients[1], 0, purpose="dpv:Advertising")
    ),
    "category-not-registered": with_stop(
        lambda sky: airport.stop(sky.clients[1], 0, items=[cast.make_item("wish_list")])
    ),
    "stop-states-subject": with_stop(
        lambda sky: airport.stop(sky.clients[1], 0) | {"request": cast.make_body()}
    ),
}


@pytest.mark.parametrize("rule", AGAINST_RULES)
@pytest.mark.rule("consent.md", "3.6")
def test_what_a_rule_forbids_takes_nothing(sky: Airport, rule: str) -> None:
    with pytest.raises(RequestAgainstRule) as refused:
        alliances.ask(sky.lead, AGAINST_RULES[rule](sky), idempotency_key="k")
    assert refused.value.rule == rule
    assert not Journey.objects.exists()
    assert not AccessRequest.objects.exists()


def test_one_brand_with_one_purpose_stands_once(sky: Airport) -> None:
    twice = [airport.stop(sky.clients[1], 0), airport.stop(sky.clients[1], 1)]
    with pytest.raises(RequestAgainstRule) as refused:
        airport.ask(sky, stops=twice)
    assert refused.value.rule == "stop-repeated"


def test_a_refusal_by_rule_is_logged_for_the_lead(sky: Airport) -> None:
    with pytest.raises(RequestAgainstRule):
        alliances.ask(sky.lead, AGAINST_RULES["stop-not-a-member"](sky), idempotency_key="k")
    told = only("request.refused")
    assert (told["reason"], told["actor"]["partner"]) == (
        "stop-not-a-member", sky.lead.partner.ref,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"stops": []}, "/stops"),
        ({"name": {"ko": "x"}}, "/name"),
        ({"name": {"ko": "\u0002", "en": "x"}}, "/name/ko"),
        ({"starts": "tomorrow"}, "/starts"),
        ({"subject": {"mail": "nobody"}}, "/subject/mail"),
        ({"subject": {"mail": "\0a@example.com"}}, "/subject/mail"),
        ({"surprise": 1}, ""),
    ],
)
def test_a_wrong_form_is_pointed_at(sky: Airport, change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(RequestInvalid) as invalid:
        alliances.ask(sky.lead, airport.body_of(sky) | change, idempotency_key="k")
    assert pointer in [at for at, _ in invalid.value.problems]


def test_a_wrong_form_of_a_stop_is_pointed_at_in_its_place(sky: Airport) -> None:
    stops = [airport.stop(sky.clients[0], 0), airport.stop(sky.clients[1], 1, benefit={"ko": "x"})]
    with pytest.raises(RequestInvalid) as invalid:
        airport.ask(sky, stops=stops)
    assert [at for at, _ in invalid.value.problems] == ["/stops/1/request/benefit"]


def test_only_the_lead_asks(sky: Airport) -> None:
    with pytest.raises(RequestAgainstRule) as refused:
        alliances.ask(sky.clients[1], airport.body_of(sky), idempotency_key="k")
    assert refused.value.rule == "alliance-not-led"


def test_nothing_is_asked_for_a_brand_that_left_or_is_suspended(sky: Airport) -> None:
    alliances.leave(sky.alliance, sky.clients[2].partner, airport.HOUSE)
    with pytest.raises(RequestAgainstRule):
        airport.ask(sky)
    partners.suspend(sky.clients[1].partner, "court-order", cast.OPERATOR)
    with pytest.raises(PartnerSuspended):
        airport.ask(
            sky, stops=[airport.stop(client, n) for n, client in enumerate(sky.clients[:2])]
        )


@pytest.mark.rule("consent.md", "3.7")
def test_each_brand_is_throttled_as_if_it_asked_itself(sky: Airport, pod: Pod) -> None:
    cast.make_request(pod, sky.clients[2])
    with pytest.raises(RequestThrottled):
        airport.ask(sky, pod)
    assert not Journey.objects.exists()


@pytest.mark.rule("consent.md", "3.3")
def test_one_link_leads_to_all_of_it_and_one_person(sky: Airport, pod: Pod, stranger: Pod) -> None:
    asked = airport.ask(sky)
    assert asked.link_code is not None
    found = open_link(asked.link_code, "192.0.2.1")
    assert found.stop.journey == asked.journey

    bound = alliances.bind(asked.journey, pod)
    assert alliances.bind(asked.journey, pod) == bound
    with pytest.raises(LinkRefused):
        alliances.bind(asked.journey, stranger)

    assert AccessRequest.objects.of(pod).count() == 3
    assert len(leaves("request.bound")) == 3
    assert only("journey.bound")["journey"] == asked.journey.ref


def test_a_journey_that_named_somebody_is_bound_by_nobody_else(
    sky: Airport, pod: Pod, stranger: Pod
) -> None:
    mine = airport.ask(sky, pod).journey
    nobodys = airport.ask(airport.make_airport(), subject={"mail": "nobody@example.com"}).journey
    for journey in (mine, nobodys):
        with pytest.raises(LinkRefused):
            alliances.bind(journey, stranger)


@pytest.mark.rule("consent.md", "3.5")
def test_the_lead_learns_nothing_of_whom_it_reached(sky: Airport, pod: Pod) -> None:
    known = airport.ask(sky, pod)
    unknown = airport.ask(airport.make_airport(), subject={"mail": "nobody@example.com"})
    told = asking.answer(known, sky.lead.partner)
    assert set(told) == set(asking.answer(unknown, unknown.journey.client.partner))
    assert {"order", "place", "client", "request"} == set(told["stops"][0])


def test_members_see_their_own_stops_and_strangers_nothing(sky: Airport, pod: Pod) -> None:
    journey = airport.ask(sky, pod).journey
    member, stranger = sky.clients[1].partner, cast.make_partner()
    (own,) = asking.answer(asking.found(member, journey.pk), member)["stops"]
    assert own["client"] == sky.clients[1].client_id
    assert (
        len(asking.answer(asking.found(sky.lead.partner, journey.pk), sky.lead.partner)["stops"])
        == 3
    )
    with pytest.raises(UnknownThing):
        asking.found(stranger, journey.pk)


def test_a_brand_that_is_kept_out_is_no_stop_of_the_owners_journey(sky: Airport, pod: Pod) -> None:
    standing.block(pod, About(partner=sky.clients[1].partner), Actor.owner(pod.owner))
    named = airport.ask(sky, pod)
    assert AccessRequest.objects.of(pod).count() == 2
    assert len(asking.answer(named, sky.lead.partner)["stops"]) == 3

    linked = airport.ask(sky).journey
    alliances.bind(linked, pod)
    assert AccessRequest.objects.of(pod).filter(stop__journey=linked).count() == 2
