"""How a request reaches somebody, and that strangers and customers look the same from outside."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import MailProof
from consent import erasure, profiles, requests
from consent.actors import Actor
from consent.exceptions import AlreadyDecided, LinkRefused, UnknownThing
from consent.models import AccessRequest, Client, Delivery, Grant, LinkTry, RequestLink
from consent.requests import answers, links
from tests import cast
from tests.leaves import leaves, only
from vault.models import Pod

ADDRESS = "203.0.113.7"


def told(request: AccessRequest) -> dict[str, object]:
    request.refresh_from_db()
    answer = answers.answer(request)
    return {name: said for name, said in answer.items() if name not in {"id", "expires_at"}}


def later(request: AccessRequest) -> None:
    """Let a request's own time pass."""
    AccessRequest.objects.filter(pk=request.pk).update(
        asked_at=timezone.now() - timedelta(days=15),
        expires_at=timezone.now() - timedelta(seconds=1),
    )


@pytest.mark.rule("consent.md", "3.3")
def test_a_hint_reaches_a_verified_address_only(hotel: Client) -> None:
    verified, unverified = cast.make_owner("Kim@example.com"), cast.make_owner(verified=False)

    reached = cast.submit(hotel, cast.make_body(subject={"mail": " kim@EXAMPLE.com "})).request
    missed = cast.submit(hotel, cast.make_body(subject={"mail": unverified.email})).request

    assert reached.pod is not None
    assert reached.pod.owner == verified
    assert missed.pod is None


@pytest.mark.rule("consent.md", "3.3")
def test_a_hint_reaches_only_whom_it_was_shown_to_reach_within_a_year(hotel: Client) -> None:
    clock = profiles.length("hint_verified_within")
    fresh, stale, undated = (cast.make_pod() for _ in range(3))
    for pod, days in ((fresh, 1), (stale, -1)):
        cast.proved(pod.owner, timezone.now() - clock + timedelta(days=days))
    MailProof.objects.filter(user=undated.owner).delete()

    asked = [cast.submit(hotel, cast.make_body(pod)).request for pod in (fresh, stale, undated)]

    assert [request.pod for request in asked] == [fresh, None, None]
    assert [told(request)["state"] for request in asked] == ["pending"] * 3


@pytest.mark.rule("consent.md", "3.3")
def test_a_pairwise_id_reaches_whatever_became_of_the_address(hotel: Client, pod: Pod) -> None:
    grant = cast.make_grant(pod, hotel)
    cast.proved(pod.owner, timezone.now() - timedelta(days=1000))
    body = cast.make_body(subject={"pairwise": grant.pairwise})
    assert cast.submit(hotel, body).request.pod == pod


@pytest.mark.parametrize("state", ["closed", "erased"])
def test_nobody_is_reached_whose_account_is_closed_or_whose_pod_is_erased(
    hotel: Client, pod: Pod, state: str
) -> None:
    if state == "closed":
        pod.owner.is_active = False
        pod.owner.save()
    else:
        erasure.erase_pod(pod, Actor.owner(pod.owner))
    asked = cast.submit(hotel, cast.make_body(pod)).request
    assert asked.pod is None
    assert told(asked)["state"] == "pending"


@pytest.mark.rule("consent.md", "3.5")
def test_unknown_ignored_and_refused_are_one_answer_at_one_time(pod: Pod, hotel: Client) -> None:
    body = cast.make_body(pod)
    unknown = cast.submit(hotel, body | {"subject": {"mail": "nobody@example.com"}}).request
    ignored = cast.submit(hotel, body).request
    refused = cast.submit(hotel, body | {"subject": {"mail": cast.make_owner().email}}).request
    assert refused.pod is not None
    requests.mark_viewed(refused)
    requests.defer(ignored)
    requests.refuse(refused, actor=Actor.owner(refused.pod.owner), reason="no_trust")
    three = (unknown, ignored, refused)

    assert [told(request)["state"] for request in three] == ["pending"] * 3
    assert told(unknown) == told(ignored) == told(refused)
    assert not Delivery.objects.exists()

    for request in three:
        later(request)
    assert [told(request)["state"] for request in three] == ["closed"] * 3
    assert requests.close_overdue() == 3
    assert requests.close_overdue() == 0
    assert told(unknown) == told(ignored) == told(refused)
    kinds = Delivery.objects.values_list("event_type", flat=True)
    assert list(kinds) == ["request-closed"] * 3
    assert len(leaves("request.expired")) == 2


@pytest.mark.rule("consent.md", "3.5")
def test_a_reason_is_told_only_if_the_owner_says_so(pod: Pod, hotel: Client) -> None:
    request = cast.submit(hotel, cast.make_body(pod)).request
    requests.refuse(request, actor=Actor.owner(pod.owner), reason="too_much", shared=True)

    assert "reason" not in told(request)
    later(request)
    assert told(request)["reason"] == "too_much"


@pytest.mark.rule("consent.md", "3.5")
def test_in_a_session_the_answer_comes_at_once(pod: Pod, hotel: Client) -> None:
    request = cast.submit(hotel, cast.make_body(in_session=True)).request
    request = requests.bind(request, pod)
    assert request.expires_at - request.asked_at == timedelta(minutes=60)

    requests.refuse(request, actor=Actor.owner(pod.owner))

    assert told(request)["state"] == "refused"
    assert Delivery.objects.get().event_type == "request-closed"


@pytest.mark.rule("consent.md", "3.8")
def test_an_approval_is_answered_with_asked_and_granted_side_by_side(
    pod: Pod, hotel: Client
) -> None:
    items = [cast.make_item(), cast.make_item("itinerary")]
    request = cast.make_request(pod, hotel, items=items, partner_ref="booking-17")
    cast.approve(request, cast.choose(requests.ItemChoice("stay", fields=("hotel", "city"))))

    answer = told(request)
    assert answer["state"] == "approved"
    assert answer["partner_ref"] == "booking-17"
    assert [item["category"] for item in answer["asked"]["items"]] == ["stay", "itinerary"]
    assert answer["granted"]["items"] == [
        {"category": "stay", "action": "read", "fields": ["hotel", "city"]}
    ]


@pytest.mark.rule("consent.md", "P6")
def test_a_pairwise_id_reaches_its_owner_for_its_own_partner_only(
    pod: Pod, hotel: Client, grant: Grant
) -> None:
    other = cast.make_client()
    cast.make_template(other.partner)
    body = cast.make_body(subject={"pairwise": grant.pairwise})

    assert cast.submit(hotel, body).request.pod == pod
    foreign = cast.submit(other, body).request
    unknown = cast.submit(other, body | {"subject": {"pairwise": "0" * 32}}).request
    assert foreign.pod is None
    assert told(foreign) == told(unknown)


def test_two_partners_know_one_owner_by_different_ids(pod: Pod, hotel: Client) -> None:
    assert cast.make_grant(pod, hotel).pairwise != cast.make_grant(pod).pairwise


@pytest.mark.rule("consent.md", "3.3")
def test_the_first_who_confirms_a_link_has_the_request(
    pod: Pod, stranger: Pod, hotel: Client
) -> None:
    submitted = cast.submit(hotel, cast.make_body())
    code = submitted.link_code
    assert code is not None
    assert len(code) == 8

    opened = requests.open_link(code.lower()[:4] + "-" + code[4:], ADDRESS)
    bound = requests.bind(opened, pod)

    assert requests.bind(opened, pod) == bound
    assert len(leaves("request.bound")) == 1
    with pytest.raises(LinkRefused):
        requests.bind(opened, stranger)
    for who in (None, stranger):
        with pytest.raises(LinkRefused):
            requests.open_link(code, ADDRESS, pod=who)
    assert requests.open_link(code, ADDRESS, pod=pod) == bound
    assert cast.approve(bound).pod == pod


def test_a_code_is_stored_as_a_keyed_hash_and_told_again(hotel: Client) -> None:
    body = cast.make_body()
    first = cast.submit(hotel, body, key="k")
    again = cast.submit(hotel, body, key="k")

    assert first.link_code == again.link_code
    assert first.link_code is not None
    assert first.link_code.encode() not in bytes(RequestLink.objects.get().code_digest)
    link = answers.pending(first, "https://vault.example/")["link"]
    assert link["url"] == f"https://vault.example/link/#{first.link_code}"


@pytest.mark.rule("consent.md", "3.3")
def test_five_wrong_codes_bar_an_address_for_the_hour(hotel: Client) -> None:
    code = cast.submit(hotel, cast.make_body()).link_code
    assert code is not None
    for _ in range(6):
        requests.open_link(code, ADDRESS)  # a right one does not count
    for _ in range(5):
        with pytest.raises(LinkRefused):
            requests.open_link("00000000", ADDRESS)

    with pytest.raises(LinkRefused):
        requests.open_link(code, ADDRESS)
    requests.open_link(code, "203.0.113.8")
    in_an_hour = timezone.now() + timedelta(hours=1)
    requests.open_link(code, ADDRESS, now=in_an_hour)
    assert links.forget_tries(in_an_hour + timedelta(hours=1)) == LinkTry.objects.count() + 3


def test_a_link_ends_after_14_days(hotel: Client) -> None:
    code = cast.submit(hotel, cast.make_body()).link_code
    assert code is not None
    with pytest.raises(LinkRefused):
        requests.open_link(code, ADDRESS, now=timezone.now() + timedelta(days=14, seconds=1))


def test_a_link_without_an_owner_cannot_be_decided(pod: Pod, hotel: Client) -> None:
    request = cast.submit(hotel, cast.make_body()).request
    with pytest.raises(UnknownThing):
        requests.refuse(request, actor=Actor.owner(pod.owner))


def test_a_partner_takes_its_request_back_once(pod: Pod, hotel: Client) -> None:
    request = cast.submit(hotel, cast.make_body(pod)).request
    with pytest.raises(UnknownThing):
        requests.cancel(request, Actor.of_client(cast.make_client()))

    requests.cancel(request, Actor.of_client(hotel))
    requests.cancel(request, Actor.of_client(hotel))

    assert only("request.cancelled")["request"] == request.ref
    assert told(request)["state"] == "closed"


def test_an_approved_request_is_not_taken_back(grant: Grant, hotel: Client) -> None:
    with pytest.raises(AlreadyDecided):
        requests.cancel(grant.request, Actor.of_client(hotel))
