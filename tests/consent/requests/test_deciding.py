"""What an owner decides: final, on the notice that was shown, within what was asked."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from consent import notices, partners, requests
from consent.actors import Actor
from consent.exceptions import (
    AlreadyDecided,
    BelowAtLeast,
    ChoicesInvalid,
    NoticeChanged,
    PartnerSuspended,
    RequestExpired,
    UnknownThing,
)
from consent.models import AccessRequest, Client, Delivery, Grant
from consent.requests import Choices, ItemChoice
from keys.models import CategoryWrap, Key
from tests import cast
from tests.leaves import is_about, leaves, only
from vault.models import Pod

BOTH = [cast.make_item(required=True), cast.make_item("itinerary")]


def test_approving_gives_a_grant_with_key_pin_entry_and_event(pod: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel, items=BOTH)

    grant = cast.approve(request)

    assert grant.is_live
    assert grant.epoch == 1
    assert Key.objects.filter(pk=grant.key_id, kind="grant").exists()
    covered = CategoryWrap.objects.filter(under=grant.key_id).values_list("category", flat=True)
    assert sorted(covered) == ["itinerary", "stay"]
    given = only("grant.given")
    assert given["opens"] == 1
    assert given["categories"] == ["itinerary", "stay"]
    assert given["actions"] == ["read"]
    assert given["notice"] == grant.notice_id
    assert given["until"][:19] == grant.expires_at.isoformat()[:19]
    assert only("request.approved")["request"] == request.ref
    events = Delivery.objects.values_list("event_type", flat=True)
    assert sorted(events) == ["grant-given", "request-approved"]
    assert is_about(pod.owner.ref, "grant.given")


@pytest.mark.rule("log.md", "No leaf carries a person")
def test_no_leaf_joins_two_grants_of_one_person(pod: Pod, hotel: Client) -> None:
    cast.make_grant(pod, hotel)
    names = {pod.owner.ref, pod.ref, pod.owner.email, str(pod.pk)}

    for told in leaves():
        if "grant" in told or "request" in told:
            assert not names & {str(said) for said in (*told.values(), *told["actor"].values())}


@pytest.mark.rule("consent.md", "3.7")
def test_a_decision_is_final(pod: Pod, hotel: Client) -> None:
    owner = Actor.owner(pod.owner)
    approved, refused = cast.make_request(pod, hotel), cast.make_request(pod)
    cast.approve(approved)
    requests.refuse(refused, actor=owner)

    for request in (approved, refused):
        with pytest.raises(AlreadyDecided):
            cast.approve(request)
        with pytest.raises(AlreadyDecided):
            requests.refuse(request, actor=owner)
    assert Grant.objects.count() == 1


def test_nobody_can_decide_after_the_time(pod: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel)
    AccessRequest.objects.filter(pk=request.pk).update(expires_at=timezone.now())

    with pytest.raises(RequestExpired):
        cast.approve(request)
    with pytest.raises(RequestExpired):
        requests.refuse(request, actor=Actor.owner(pod.owner))


def test_a_stranger_decides_nothing(pod: Pod, stranger: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel)
    for actor in (Actor.owner(stranger.owner), Actor.of_client(hotel), Actor.system()):
        with pytest.raises(UnknownThing):
            cast.approve(request, actor=actor)
        with pytest.raises(UnknownThing):
            requests.refuse(request, actor=actor)
    assert not Grant.objects.exists()


@pytest.mark.rule("consent.md", "2.3")
def test_nothing_is_given_to_a_suspended_partner(pod: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel)
    partners.suspend(hotel.partner, "partner-breach", cast.OPERATOR)

    with pytest.raises(PartnerSuspended):
        cast.approve(request)
    request.refresh_from_db()
    assert request.decided_at is None


@pytest.mark.rule("consent.md", "4.1")
def test_only_the_notice_that_was_shown_can_be_agreed_to(pod: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel, items=BOTH)
    all_of_it = notices.render(request, Choices.everything(request), "ko")

    with pytest.raises(NoticeChanged):
        cast.approve(
            request, cast.choose(ItemChoice("stay")), notice_digest=notices.digest(all_of_it)
        )
    with pytest.raises(NoticeChanged):
        cast.approve(request, language="en", notice_digest=notices.digest(all_of_it))
    request.refresh_from_db()
    assert request.decided_at is None


@pytest.mark.rule("consent.md", "4.1")
def test_a_notice_whose_partner_changed_its_name_is_shown_again(pod: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel)
    shown = notices.digest(notices.render(request, Choices.everything(request), "ko"))
    type(hotel.partner).objects.filter(pk=hotel.partner_id).update(legal_name_ko="다른 이름")

    with pytest.raises(NoticeChanged):
        cast.approve(request, notice_digest=shown)


@pytest.mark.rule("consent.md", "P11")
@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_pinned_bytes_hash_to_the_pin(pod: Pod, hotel: Client, language: str) -> None:
    pin = cast.approve(cast.make_request(pod, hotel), language=language).notice

    assert notices.digest(bytes(pin.body)) == pin.digest
    assert pin.language == language


@pytest.mark.rule("PIPA", "Art. 22(1)")
def test_every_consent_needs_its_own_tick(pod: Pod) -> None:
    client = cast.make_client(level=2)
    cast.make_template(
        client.partner, categories={"workout": {"actions": ["read"], "fields": None}}
    )
    items = [cast.make_item("workout")]
    request = cast.make_request(pod, client, items=items, marketing=True)
    choices = Choices.everything(request)
    ticks = notices.required_ticks(request, choices)
    assert ticks == {"provision", "sensitive", "location", "marketing"}

    for missing in ticks:
        with pytest.raises(ChoicesInvalid):
            requests.approve(
                request,
                Choices(items=choices.items, ticks=ticks - {missing}),
                notice_digest=notices.digest(notices.render(request, choices, "ko")),
                actor=Actor.owner(pod.owner),
                language="ko",
            )
    assert cast.approve(request).is_live


@pytest.mark.parametrize(
    "choices",
    [
        Choices(items=()),
        cast.choose(ItemChoice("purchase")),
        cast.choose(ItemChoice("stay"), ItemChoice("stay")),
        cast.choose(ItemChoice("stay", "contribute")),
        cast.choose(ItemChoice("itinerary")),  # leaves out a required one
        cast.choose(ItemChoice("stay", fields=())),
        cast.choose(ItemChoice("stay", fields=("room", "no_such_field"))),
        cast.choose(ItemChoice("stay"), frequency={"count": 0, "unit": "day"}),
        cast.choose(ItemChoice("stay"), frequency={"count": 1, "unit": "fortnight"}),
        cast.choose(ItemChoice("stay"), frequency={"count": 3, "unit": "day"}),
    ],
)
def test_choices_outside_the_request_are_refused(pod: Pod, hotel: Client, choices: Choices) -> None:
    request = cast.make_request(pod, hotel, items=BOTH, frequency={"count": 2, "unit": "day"})

    with pytest.raises(ChoicesInvalid):
        requests.approve(
            request,
            choices,
            notice_digest="0" * 64,
            actor=Actor.owner(pod.owner),
            language="ko",
        )
    request.refresh_from_db()
    assert request.decided_at is None


@pytest.mark.parametrize("days", [-1, 0, 31])
def test_a_grant_ends_after_now_and_not_later_than_asked(
    pod: Pod, hotel: Client, days: int
) -> None:
    request = cast.make_request(pod, hotel)
    end = timezone.now() + timedelta(days=days)

    with pytest.raises(ChoicesInvalid):
        cast.approve(request, cast.choose(ItemChoice("stay"), expires_at=end))


@pytest.mark.rule("consent.md", "3.2")
def test_narrowing_stops_at_least(pod: Pod, hotel: Client) -> None:
    now = timezone.now()
    least: dict[str, Any] = {
        "frequency": {"count": 1, "unit": "day"},
        "expires": (now + timedelta(days=7)).isoformat(),
    }
    request = cast.make_request(pod, hotel, frequency={"count": 5, "unit": "day"}, at_least=least)

    for change in (
        {"expires_at": now + timedelta(days=6)},
        {"frequency": {"count": 1, "unit": "week"}},
    ):
        with pytest.raises(BelowAtLeast):
            cast.approve(request, cast.choose(ItemChoice("stay"), **change))
    grant = cast.approve(
        request,
        cast.choose(
            ItemChoice("stay"),
            expires_at=now + timedelta(days=8),
            frequency={"count": 2, "unit": "day"},
        ),
    )
    assert grant.frequency == {"count": 2, "unit": "day"}


@pytest.mark.rule("consent.md", "P9")
def test_a_new_grant_for_the_same_purpose_replaces_the_old_one(pod: Pod, hotel: Client) -> None:
    old = cast.make_grant(pod, hotel)
    old_key = old.key_id
    new = cast.make_grant(pod, hotel, items=BOTH)

    old.refresh_from_db()
    assert old.end_kind == Grant.EndKind.SUPERSEDED
    assert old.superseded_at is not None
    assert not Key.objects.filter(pk=old_key).exists()
    assert (new.arrangement, new.version) == (old.arrangement, 2)
    assert list(Grant.objects.live()) == [new]
    assert only("grant.superseded")["closes"] == 1


def test_what_had_run_out_is_ended_as_expired_and_starts_no_version(
    pod: Pod, hotel: Client
) -> None:
    old = cast.make_grant(pod, hotel)
    start = timezone.now() - timedelta(days=2)
    Grant.objects.filter(pk=old.pk).update(
        given_at=start, valid_from=start, expires_at=start + timedelta(days=1)
    )
    new = cast.make_grant(pod, hotel)

    old.refresh_from_db()
    assert old.end_kind == Grant.EndKind.EXPIRED
    assert new.version == 1
    assert new.arrangement != old.arrangement


@pytest.mark.rule("consent.md", "3.7")
def test_the_request_keeps_its_end_state_whatever_happens_to_the_grant(
    grant: Grant, owner: Actor
) -> None:
    from consent import grants

    grants.end(grant, "withdrawn", "", owner)
    assert requests.state(AccessRequest.objects.get(pk=grant.request_id)) == "approved"


def test_a_failure_in_the_middle_leaves_nothing(
    pod: Pod, hotel: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consent.revocation import deliveries

    request = cast.make_request(pod, hotel)
    entries, keys = Entry.objects.count(), Key.objects.count()

    def away(*_args: object, **_more: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(deliveries, "enqueue", away)
    with pytest.raises(ConnectionError):
        cast.approve(request)

    request.refresh_from_db()
    assert request.decided_at is None
    assert not Grant.objects.exists()
    assert (Entry.objects.count(), Key.objects.count()) == (entries, keys)
