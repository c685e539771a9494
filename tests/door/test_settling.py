"""A brand that is suspended or struck off still settles what it owes, and does nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from consent import grants, partners, suspensions
from consent.access.decision import PartnerFacts, is_answered
from consent.actors import Actor
from consent.deregistration import deregister
from consent.models import AccessRequest, Delivery, Grant, Obligation, Partner
from consent.oauth import tokens
from tests import cast
from tests.consent.oauth.flow.hotel import Hotel
from tests.consent.oauth.world import REFUSAL, refusals
from tests.consent.revocation.conftest import obliged
from tests.door.brand import Brand, code
from tests.door.test_routes import ALLOWED, OPEN, path_of
from vault.models import Pod

pytestmark = pytest.mark.django_db
SETTLES = {
    "api/v1/events/poll",
    "api/v1/obligations",
    "api/v1/obligations/<uuid:obligation_id>/attestation",
}
KNOWN = "partner_suspended", "partner_deregistered"


def suspend(partner: Partner) -> None:
    suspensions.suspend(partner, "unlawful-use-suspected", Actor.operator())


def strike_off(partner: Partner) -> None:
    deregister(partner, Actor.operator())


@pytest.fixture(params=[suspend, strike_off], ids=["suspended", "struck off"])
def shut_out(request: pytest.FixtureRequest) -> Callable[[Partner], None]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def owed(hotel: Brand, call: dict[str, Any], grant: Grant, pod: Pod) -> Obligation:
    """The hotel has read, fetches its events, and the guest has ended the grant."""
    Partner.objects.update(event_delivery=Partner.EventDelivery.POLL)
    assert hotel.read(call).json()["records"]
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(pod.owner))
    return Obligation.objects.get(grant=grant)


def inside(hotel: Brand) -> Brand:
    """The hotel with a token that it got just now."""
    answer = hotel.knock()
    assert answer.status_code == 200, answer.content
    return Brand(hotel.made, token=answer.json()["access_token"])


@pytest.mark.rule("an obligation of a suspended brand can be settled", "issue, obligations")
def test_it_hears_of_the_end_and_attests(
    hotel: Brand, owed: Obligation, shut_out: Callable[[Partner], None]
) -> None:
    shut_out(hotel.made.client.partner)
    brand = inside(hotel)

    (listed,) = brand.send("GET", "/api/v1/obligations").json()["obligations"]
    assert listed["id"] == str(owed.pk)
    told: set[str] = set()
    while sets := brand.send(
        "POST", "/api/v1/events/poll", {"returnImmediately": True, "ack": [*told]}
    ).json()["sets"]:
        told |= sets.keys()
    ended = Delivery.objects.get(grant=owed.grant, event_type="grant-withdrawn")
    assert str(ended.pk) in told
    assert ended.delivered_at
    owed.refresh_from_db()
    assert owed.acknowledged_at
    assert brand.attest(owed.pk).status_code == 201
    owed.refresh_from_db()
    assert owed.attested_at
    assert Entry.objects.filter(type="obligation.attested").count() == 1


def test_a_token_from_before_settles_too_and_others_obligations_do_not_exist(
    hotel: Brand, other: Brand, owed: Obligation, shut_out: Callable[[Partner], None]
) -> None:
    shut_out(other.made.client.partner)
    assert other.attest(owed.pk).status_code == 404
    assert other.send("GET", "/api/v1/obligations").json() == {"obligations": []}
    shut_out(hotel.made.client.partner)
    assert hotel.attest(owed.pk).status_code == 201


@pytest.mark.rule(
    "everything else is refused, and access.decide refuses every read", "consent.md 6.2"
)
def test_every_other_route_is_refused(
    hotel: Brand, call: dict[str, Any], shut_out: Callable[[Partner], None]
) -> None:
    shut_out(hotel.made.client.partner)
    brand = inside(hotel)
    others = set(ALLOWED) - OPEN - SETTLES
    assert len(others) == len(ALLOWED) - len(OPEN) - 3
    before = AccessRequest.objects.count(), Grant.objects.unended().count()
    for route in others:
        for method in ALLOWED[route]:
            answer = brand.send(method, path_of(route), call)
            assert answer.status_code in {401, 403}, (method, route)
            if method != "HEAD":
                assert code(answer) in {"invalid-token", "partner-suspended"}, route
    assert (AccessRequest.objects.count(), Grant.objects.unended().count()) == before
    assert code(brand.read(call)) == "partner-suspended"
    assert Entry.objects.filter(type="record.refused").exists()


def test_its_own_grant_is_neither_shown_nor_ended_nor_written_to(
    hotel: Brand, grant: Grant, call: dict[str, Any]
) -> None:
    suspend(hotel.made.client.partner)
    brand, path = inside(hotel), f"/api/v1/grants/{grant.pk}"
    for answer in (
        brand.send("GET", path), brand.send("DELETE", path), brand.poll(grant.request_id),
        brand.ask(cast.make_body()), brand.contribute(call | {"record": {"hotel": "Maru"}}),
    ):  # fmt: skip
        assert (answer.status_code, code(answer)) == (401, "invalid-token")
    assert Grant.objects.get(pk=grant.pk).ended_at is None


ELSEWHERE: dict[str, tuple[str, dict[str, str]]] = {
    "pushing": ("/oauth/par", {}),
    "introspecting": ("/oauth/introspect", {"token": "x"}),
    "revoking": ("/oauth/revoke", {"token": "x"}),
    "a code": ("/oauth/token", {"grant_type": "authorization_code", "code": "x"}),
    "a refresh token": ("/oauth/token", {"grant_type": "refresh_token", "refresh_token": "x"}),
    "one grant": ("/oauth/token", {"grant_id": "00000000-0000-4000-8000-000000000000"}),
    "another grant type": ("/oauth/token", {"grant_type": "password"}),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_no_other_knock_is_answered(
    what: str, hotel: Brand, shut_out: Callable[[Partner], None]
) -> None:
    shut_out(hotel.made.client.partner)
    path, form = ELSEWHERE[what]
    before = sum(refusals(reason) for reason in KNOWN)
    answer = hotel.knock(path, **form)
    if what == "another grant type":
        assert answer.status_code == 400
    else:
        assert (answer.status_code, answer.json()) == (401, REFUSAL)
        assert sum(refusals(reason) for reason in KNOWN) == before + 1


def test_a_token_that_was_narrowed_before_settles_nothing(hotel: Brand, grant: Grant) -> None:
    narrow = Brand(hotel.made, token=tokens.issue(hotel.made.client, grant=grant))
    suspend(hotel.made.client.partner)
    answer = narrow.send("GET", "/api/v1/obligations")
    assert (answer.status_code, code(answer)) == (403, "token-narrowed")


def test_a_revoked_client_settles_nothing_either(hotel: Brand, owed: Obligation) -> None:
    suspend(hotel.made.client.partner)
    brand = inside(hotel)
    partners.revoke_client(hotel.made.client, cast.OPERATOR)
    assert hotel.knock().json() == REFUSAL
    assert brand.attest(owed.pk).status_code == 401
    assert not owed.attestations.exists()


def test_on_level_2_it_proves_its_key_for_that_as_for_everything(pod: Pod) -> None:
    brand = Hotel.arrive()
    (one,) = obliged(cast.make_grant(pod, brand.client))
    suspend(brand.client.partner)
    form = {"grant_type": "client_credentials"}
    assert brand.token(form, proof=None).json()["error"] == "invalid_dpop_proof"
    token = brand.token(form).json()["access_token"]

    listed = brand.call("GET", "/api/v1/obligations", token)
    assert [each["id"] for each in listed.json()["obligations"]] == [str(one.pk)]
    bare = brand.call("GET", "/api/v1/obligations", token, scheme="Bearer", proof=None)
    assert code(bare) == "invalid-token"
    read = brand.read(token, one.grant.pairwise)
    assert (read.status_code, code(read)) == (403, "partner-suspended")


def test_after_reinstatement_the_same_token_reads(hotel: Brand, call: dict[str, Any]) -> None:
    suspend(hotel.made.client.partner)
    brand = inside(hotel)
    assert code(brand.read(call)) == "partner-suspended"
    suspensions.reinstate(Partner.objects.get(), "cleared", Actor.operator())
    assert brand.read(call).status_code == 200


def test_rows_and_facts_are_judged_alike() -> None:
    now = timezone.now()
    for suspended, struck_off in ((None, None), (now, None), (None, now), (now, now)):
        row = Partner(suspended_at=suspended, deregistered_at=struck_off)
        facts = PartnerFacts(row.pk, row.ref, row.epoch, suspended, struck_off)
        assert is_answered(row) == is_answered(facts) == row.is_live
        assert is_answered(row, settling=True)
