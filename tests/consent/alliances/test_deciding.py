"""A journey is decided brand by brand, left at once, and brands that leave it lose it."""

import pytest

from consent import alliances, deregistration, grants, notices, requests
from consent.actors import Actor
from consent.alliances import Decision
from consent.choices import Choices
from consent.exceptions import (
    ChoicesInvalid,
    NoticeChanged,
    PartnerSuspended,
    RequestExpired,
    UnknownThing,
)
from consent.models import AccessRequest, Delivery, Grant, Journey, Obligation
from keys.models import DestroyedKey
from tests import airport, cast
from tests.airport import Airport
from tests.consent.grants.test_ending import read_once
from tests.leaves import is_about, leaves, only
from vault.models import Pod

pytestmark = pytest.mark.django_db


@pytest.fixture
def sky() -> Airport:
    return airport.make_airport()


@pytest.fixture
def journey(sky: Airport, pod: Pod) -> Journey:
    return airport.make_journey(pod, sky)


def asked_of(journey: Journey) -> list[AccessRequest]:
    found = AccessRequest.objects.filter(stop__journey=journey).order_by("stop__order")
    return list(found.select_related("partner", "client", "template", "pod__owner"))


def yes(request: AccessRequest) -> Decision:
    choices = Choices.everything(request)
    ticks = notices.required_ticks(request, choices)
    digest = notices.digest(notices.render(request, choices, "ko"))
    chosen = Choices(items=choices.items, ticks=ticks)
    return Decision(request=request, choices=chosen, notice_digest=digest)


def no(request: AccessRequest) -> Decision:
    return Decision(request=request, choices=None)


def decide(journey: Journey, *decisions: Decision) -> list[Grant]:
    assert journey.pod is not None
    actor = Actor.owner(journey.pod.owner)
    return alliances.decide(journey, decisions, actor=actor, language="ko")


def all_of(journey: Journey) -> list[Grant]:
    return decide(journey, *map(yes, asked_of(journey)))


def test_each_brand_gets_the_answer_that_was_for_it(journey: Journey, sky: Airport) -> None:
    first, second, third = asked_of(journey)
    (given,) = decide(journey, yes(first), no(second))

    assert given.partner == first.partner
    assert given.stops_at == journey.ends_at
    states = [
        requests.state(AccessRequest.objects.get(pk=each.pk)) for each in (first, second, third)
    ]
    assert states == ["approved", "pending", "pending"]
    assert [each["request"] for each in leaves("request.declined")] == [second.ref]
    (told,) = Delivery.objects.filter(event_type="request-approved")
    assert told.claims["payload"]["journey"] == str(journey.pk)


@pytest.mark.rule("consent.md", "11.2")
def test_no_tick_counts_for_another_brand(journey: Journey) -> None:
    first, second, _ = asked_of(journey)
    unticked = Decision(
        request=second,
        choices=Choices.everything(second),
        notice_digest=yes(second).notice_digest,
    )
    with pytest.raises(ChoicesInvalid):
        decide(journey, yes(first), unticked)
    assert not Grant.objects.exists()


def test_what_fails_for_one_brand_changes_nothing_for_any(journey: Journey) -> None:
    first, second, _ = asked_of(journey)
    wrong = Decision(request=second, choices=yes(second).choices, notice_digest="0" * 64)
    with pytest.raises(NoticeChanged):
        decide(journey, yes(first), wrong)
    assert not Grant.objects.exists()
    assert not leaves("request.approved")


def test_a_stranger_decides_and_ends_nothing(journey: Journey, stranger: Pod) -> None:
    someone = Actor.owner(stranger.owner)
    (first, *_) = asked_of(journey)
    with pytest.raises(UnknownThing):
        alliances.decide(journey, [yes(first)], actor=someone, language="ko")
    with pytest.raises(UnknownThing):
        alliances.end_journey(journey, someone)
    foreign = asked_of(airport.make_journey(cast.make_pod()))[0]
    with pytest.raises(UnknownThing):
        decide(journey, yes(foreign))


@pytest.mark.rule("consent.md", "7.2")
def test_one_exit_ends_all_of_it_and_nothing_else(journey: Journey, pod: Pod) -> None:
    first, second, third = asked_of(journey)
    given = decide(journey, yes(first), yes(second))
    for grant in given:
        read_once(grant)
    besides = cast.make_grant(pod)

    ended = alliances.end_journey(journey, Actor.owner(pod.owner))

    assert {each.pk for each in ended} == {each.pk for each in given}
    assert {each.end_reason for each in ended} == {"journey-ended"}
    assert list(Grant.objects.live()) == [besides]
    assert Obligation.objects.count() == 2
    for grant in given:
        over = Grant.objects.get(pk=grant.pk)
        assert (over.end_kind, over.key_id, over.epoch) == ("withdrawn", None, 2)
        assert DestroyedKey.objects.filter(pk=grant.key_id).exists()
        assert Delivery.objects.filter(grant=grant, event_type="grant-withdrawn").count() == 1
    assert AccessRequest.objects.get(pk=third.pk).refused_at is not None
    assert only("journey.ended")["journey"] == journey.ref
    assert is_about(pod.owner.ref, "journey.ended")
    assert alliances.end_journey(journey, Actor.owner(pod.owner)) == []
    assert not airport.fresh(journey).is_under_way


@pytest.mark.rule("consent.md", "5.1")
def test_what_was_shared_before_the_journey_stays_after_it(sky: Airport, pod: Pod) -> None:
    before = cast.make_grant(pod, sky.clients[0])
    linked = airport.ask(sky).journey
    alliances.bind(linked, pod)
    journey = airport.fresh(linked)
    given = all_of(journey)
    assert Grant.objects.get(pk=before.pk).end_kind == "superseded"

    ended = alliances.end_journey(journey, Actor.owner(pod.owner))

    assert len(ended) == len(given) - 1
    (kept,) = Grant.objects.live()
    assert (kept.partner, kept.arrangement) == (before.partner, before.arrangement)


def test_what_was_agreed_anew_outside_the_journey_stays(
    journey: Journey, pod: Pod, sky: Airport
) -> None:
    all_of(journey)
    renewed = cast.make_grant(pod, sky.clients[1], subject={"pairwise": pairwise(pod, sky, 1)})
    assert len(alliances.end_journey(journey, Actor.owner(pod.owner))) == 2
    assert list(Grant.objects.live()) == [renewed]


def pairwise(pod: Pod, sky: Airport, place: int) -> str:
    return Grant.objects.of(pod).to(sky.clients[place].partner).first().pairwise


def test_a_brand_that_leaves_loses_what_it_had_through_the_alliance(
    journey: Journey, sky: Airport, pod: Pod
) -> None:
    first, second, third = asked_of(journey)
    decide(journey, yes(first), yes(second))
    besides = cast.make_client(second.partner)
    cast.make_template(second.partner, purpose="dpv:CustomerCare")
    own = cast.make_grant(pod, besides, purpose="dpv:CustomerCare")

    (lost,) = alliances.leave(sky.alliance, second.partner, airport.HOUSE)
    alliances.leave(sky.alliance, third.partner, airport.HOUSE)

    assert (lost.partner, lost.end_kind, lost.end_reason) == (
        second.partner, "revoked", "left-alliance",
    )  # fmt: skip
    assert set(Grant.objects.live().values_list("partner", flat=True)) == {
        first.partner.pk, own.partner.pk,
    }  # fmt: skip
    assert AccessRequest.objects.get(pk=third.pk).closed_at is not None
    with pytest.raises(RequestExpired):
        cast.approve(third)
    assert alliances.leave(sky.alliance, second.partner, airport.HOUSE) == []
    assert len(leaves("alliance.left")) == 2


@pytest.mark.rule("consent.md", "3.5")
def test_a_brand_that_leaves_learns_of_a_refusal_what_it_learns_of_silence(
    journey: Journey, sky: Airport
) -> None:
    _first, refused, ignored = asked_of(journey)
    decide(journey, no(refused))

    for each in (refused, ignored):
        alliances.leave(sky.alliance, each.partner, airport.HOUSE)

    seen = [AccessRequest.objects.get(pk=each.pk) for each in (refused, ignored)]
    assert [requests.answer(each)["state"] for each in seen] == ["closed", "closed"]
    told = Delivery.objects.filter(event_type="request-closed")
    assert set(told.values_list("partner", flat=True)) == {refused.partner_id, ignored.partner_id}
    assert len(leaves("request.cancelled")) == 2


def test_a_brand_that_is_struck_off_leaves_every_alliance(journey: Journey, sky: Airport) -> None:
    partner = sky.clients[1].partner
    deregistration.deregister(partner, airport.HOUSE)
    assert not partner.memberships.filter(left_at=None).exists()
    with pytest.raises((PartnerSuspended, RequestExpired)):
        decide(journey, yes(asked_of(journey)[1]))


def test_the_clock_ends_a_journey_for_every_brand(journey: Journey) -> None:
    from django.utils import timezone

    all_of(journey)
    Grant.objects.update(bound_ends_at=timezone.now())
    assert grants.end_run_out() == 3
    assert set(Grant.objects.values_list("end_kind", flat=True)) == {"expired"}
