"""Codes and refresh tokens misused: PKCE, binding, reuse, foreign clients, ends (RFC 6749; RFC 7636)."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from consent import grants, partners
from consent.actors import Actor
from consent.models import AccessToken, Grant, Partner
from consent.oauth import tokens
from tests import cast
from tests.consent.oauth import world
from tests.consent.oauth.flow.hotel import BACK, Hotel, agree, query
from tests.consent.oauth.flow.negative.table import need_error, refused
from vault.models import Pod

pytestmark = pytest.mark.django_db
INVALID = "invalid_grant"


@pytest.fixture
def code(hotel: Hotel, browser: Browser) -> str:
    return query(agree(browser, hotel.front(hotel.push())))["code"]


REDEMPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no verifier": ({"code_verifier": ...}, "verifier_wrong"),
    "an empty verifier": ({"code_verifier": ""}, "verifier_wrong"),
    "another verifier": ({"code_verifier": "x" * 43}, "verifier_wrong"),
    "a short verifier": ({"code_verifier": "x" * 42}, "verifier_wrong"),
    "a verifier too long": ({"code_verifier": "x" * 129}, "verifier_wrong"),
    "a verifier of other letters": ({"code_verifier": "é" * 43}, "verifier_wrong"),
    "no redirect_uri": ({"redirect_uri": ...}, "code_redirect_mismatch"),
    "another redirect_uri": ({"redirect_uri": BACK + "/"}, "code_redirect_mismatch"),
    "another code": ({"code": "CANARY"}, "code_unknown"),
    "a code too long": ({"code": "x" * 5000}, "code_unknown"),
}


@pytest.mark.parametrize("name", REDEMPTIONS)
def test_a_code_is_redeemed_as_it_was_asked_for_or_not_at_all(
    name: str, hotel: Hotel, code: str
) -> None:
    change, reason = REDEMPTIONS[name]
    with refused(reason):
        need_error(hotel.redeem(code, **change), INVALID)
    assert hotel.redeem(code).status_code == 200


def test_the_challenge_is_no_verifier(hotel: Hotel, code: str) -> None:
    with refused("verifier_wrong"):
        need_error(hotel.redeem(code, code_verifier=hotel.challenge), INVALID)


def test_a_code_lives_for_a_minute(hotel: Hotel, code: str) -> None:
    with time_machine.travel(timezone.now() + timedelta(seconds=61)), refused("code_expired"):
        need_error(hotel.redeem(code), INVALID)


@pytest.mark.parametrize("same_partner", [True, False])
def test_a_code_is_its_clients_alone(same_partner: bool, hotel: Hotel, code: str) -> None:
    other = Hotel.arrive(**({"partner": hotel.client.partner} if same_partner else {}))
    other.verifier = hotel.verifier
    with refused("code_of_another"):
        need_error(other.redeem(code), INVALID)
    assert hotel.redeem(code).status_code == 200


def test_a_code_bound_to_a_key_is_redeemed_with_that_key(hotel: Hotel, browser: Browser) -> None:
    from tests.consent.oauth.flow.hotel import jkt

    pushed = hotel.push(dpop_jkt=jkt(hotel.proving))
    bound = query(agree(browser, hotel.front(pushed)))["code"]
    other = hotel.proof("POST", world.ISSUER + "/oauth/token", key=world.new_key())
    with refused("code_key_mismatch"):
        need_error(hotel.redeem(bound, proof=other), INVALID)
    assert hotel.redeem(bound).status_code == 200


def test_a_proof_at_the_push_binds_the_code_too(hotel: Hotel, browser: Browser) -> None:
    proof = hotel.proof("POST", world.ISSUER + "/oauth/par")
    pushed = hotel.post("/oauth/par", hotel.pushed(), DPoP=proof)
    bound = query(agree(browser, hotel.front(pushed)))["code"]
    other = hotel.proof("POST", world.ISSUER + "/oauth/token", key=world.new_key())
    with refused("code_key_mismatch"):
        need_error(hotel.redeem(bound, proof=other), INVALID)


def test_a_code_without_a_proof_gets_nothing(hotel: Hotel, code: str) -> None:
    with refused("proof_missing"):
        need_error(hotel.redeem(code, proof=None), "invalid_dpop_proof")


def test_a_code_of_a_grant_that_ended_meanwhile_gets_nothing(
    hotel: Hotel, code: str, guest: Pod
) -> None:
    grants.end(Grant.objects.get(), Grant.EndKind.WITHDRAWN, "", Actor.owner(guest.owner))
    with refused("grant_over"):
        need_error(hotel.redeem(code), INVALID)


def test_a_code_is_neither_token_nor_refresh_token(hotel: Hotel, code: str) -> None:
    grant = Grant.objects.get()
    assert hotel.read(code, grant.pairwise).status_code == 401
    with refused("refresh_unknown"):
        form = {"grant_type": "refresh_token", "refresh_token": code}
        need_error(hotel.token(form), INVALID)


@pytest.mark.rule("reuse kills the tokens", "issue 4, item 1")
def test_the_second_use_kills_refreshed_tokens_too_and_is_entered_once(
    hotel: Hotel, code: str
) -> None:
    told = hotel.redeem(code).json()
    form = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]}
    hotel.token(form)
    epoch = Partner.objects.get(pk=hotel.client.partner_id).epoch
    for _ in range(2):
        with refused("code_reused"):
            need_error(hotel.redeem(code), INVALID)
    assert not AccessToken.objects.filter(killed_at=None, grant__isnull=False).exists()
    assert Partner.objects.get(pk=hotel.client.partner_id).epoch == epoch + 1
    with refused("refresh_unknown"):
        need_error(hotel.token(form), INVALID)


def test_a_second_use_is_known_for_what_it_is_for_a_day(hotel: Hotel, code: str) -> None:
    refresh = hotel.redeem(code).json()["refresh_token"]
    tokens.purge(timezone.now() + timedelta(hours=23))
    with refused("code_reused"):
        need_error(hotel.redeem(code), INVALID)
    tokens.purge(timezone.now() + timedelta(hours=25))
    with refused("code_unknown"):
        need_error(hotel.redeem(code), INVALID)
    with refused("refresh_unknown"):
        need_error(hotel.token({"grant_type": "refresh_token", "refresh_token": refresh}), INVALID)


@pytest.fixture
def refresh(hotel: Hotel, code: str) -> dict[str, str]:
    told = hotel.redeem(code).json()
    return {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]}


REFRESHES: dict[str, tuple[dict[str, Any], str, str]] = {
    "another value": ({"refresh_token": "CANARY"}, INVALID, "refresh_unknown"),
    "a scope": ({"scope": "all"}, "invalid_scope", ""),
    "other details": ({"authorization_details": "[]"}, "invalid_authorization_details", "details_invalid"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFRESHES)
def test_a_refresh_that_asks_for_something_else_gets_nothing(
    name: str, hotel: Hotel, refresh: dict[str, str]
) -> None:
    change, error, reason = REFRESHES[name]
    before = world.refusals(reason)
    need_error(hotel.token(refresh | change), error)
    assert world.refusals(reason) == before + bool(reason)


def test_a_refresh_token_is_its_clients_alone_and_never_without_a_proof(
    hotel: Hotel, refresh: dict[str, str]
) -> None:
    other = Hotel.arrive(partner=hotel.client.partner)
    with refused("refresh_of_another"):
        need_error(other.token(refresh), INVALID)
    with refused("proof_missing"):
        need_error(hotel.token(refresh, proof=None), "invalid_dpop_proof")
    assert hotel.token(refresh).status_code == 200


@pytest.mark.rule("RFC 9449", "5")
def test_a_client_may_change_its_proving_key_and_the_new_token_is_bound_to_that(
    hotel: Hotel, refresh: dict[str, str]
) -> None:
    new, subject = world.new_key(), Grant.objects.get().pairwise
    proof = hotel.proof("POST", world.ISSUER + "/oauth/token", key=new)
    told = hotel.token(refresh, proof=proof).json()
    about = hotel.post("/oauth/introspect", {"token": refresh["refresh_token"]}).json()
    assert about["active"] and "cnf" not in about

    assert hotel.read(told["access_token"], subject).status_code == 401  # by the old key
    hotel.proving = new
    assert hotel.read(told["access_token"], subject).status_code == 200


def test_a_refresh_token_is_dead_with_its_grant_its_client_and_its_partner(
    hotel: Hotel, refresh: dict[str, str]
) -> None:
    grant = Grant.objects.get()
    with time_machine.travel(grant.stops_at), refused("grant_over"):
        need_error(hotel.token(refresh), INVALID)
    partners.suspend(hotel.client.partner, "court-order", cast.OPERATOR)
    with refused("partner_suspended"):
        need_error(hotel.token(refresh), "invalid_client", 401)


def test_a_killed_refresh_token_takes_its_tokens_with_it(
    hotel: Hotel, refresh: dict[str, str]
) -> None:
    access = hotel.token(refresh).json()["access_token"]
    grant = Grant.objects.get()
    assert hotel.read(access, grant.pairwise).status_code == 200
    form = {"token": refresh["refresh_token"], "token_type_hint": "access_token"}
    other = Hotel.arrive()
    assert other.post("/oauth/revoke", form).status_code == 200
    assert hotel.read(access, grant.pairwise).status_code == 200
    assert hotel.post("/oauth/revoke", form).status_code == 200
    assert hotel.read(access, grant.pairwise).status_code == 401
    with refused("refresh_unknown"):
        need_error(hotel.token(refresh), INVALID)
    grant.refresh_from_db()
    assert grant.ended_at is None
