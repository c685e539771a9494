"""From the push to the revocation, through the pages that a customer sees."""

import json
from typing import Any

import pytest
from django.test import Client as Browser

from audit.models import Entry
from consent.models import Grant, Obligation
from tests.consent.oauth import world
from tests.consent.oauth.flow.hotel import Hotel, agree, jkt, last, query, walk
from vault.models import Pod

pytestmark = pytest.mark.django_db


def leaves() -> list[dict[str, Any]]:
    found = Entry.objects.order_by("seq").values_list("leaf", flat=True)
    return [json.loads(bytes(leaf)) for leaf in found]


def granted(hotel: Hotel, browser: Browser) -> dict[str, Any]:
    """What the token endpoint says after a customer agreed."""
    answer = hotel.redeem(query(agree(browser, hotel.front(hotel.push())))["code"])
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def test_the_whole_flow(hotel: Hotel, browser: Browser, guest: Pod) -> None:
    pushed = hotel.push()
    assert pushed["Cache-Control"] == "no-store"
    assert pushed.json()["expires_in"] == 90
    back = query(agree(browser, hotel.front(pushed)))
    assert (back["state"], back["iss"]) == ("s t&te", world.ISSUER)

    answer = hotel.redeem(back["code"])
    assert answer.status_code == 200, answer.content
    told = answer.json()
    grant = Grant.objects.get()
    assert told["grant_id"] == str(grant.pk)
    (given,) = told["authorization_details"]
    assert given["identifier"] == grant.pairwise
    assert (given["actions"], given["datatypes"]) == (["read"], ["stay"])
    assert given["notice"]["sha256"] == grant.notice_id


def test_saying_no_leads_back_with_access_denied(hotel: Hotel, browser: Browser) -> None:
    page = walk(browser, hotel.front(hotel.push()))
    place = page.request["PATH_INFO"]
    back = query(last(browser, browser.post(f"{place}refuse/", {})))
    assert back == {"error": "access_denied", "state": "s t&te", "iss": world.ISSUER}
    assert not Grant.objects.exists()


def test_reading_and_the_rest_of_a_grants_life(hotel: Hotel, browser: Browser) -> None:
    told = granted(hotel, browser)
    grant = Grant.objects.get()
    access, refresh = told["access_token"], told["refresh_token"]

    read = hotel.read(access, grant.pairwise)
    assert read.status_code == 200, read.content
    assert read.json()["records"][0]["data"]["room"] == "1204"

    about = hotel.post("/oauth/introspect", {"token": access}).json()
    assert (about["active"], about["token_type"]) == (True, "DPoP")
    assert about["cnf"] == {"jkt": jkt(hotel.proving)}
    assert about["authorization_details"] == told["authorization_details"]
    assert (about["sub"], about["grant_id"]) == (grant.pairwise, str(grant.pk))

    again = hotel.token({"grant_type": "refresh_token", "refresh_token": refresh})
    assert again.status_code == 200, again.content
    assert "refresh_token" not in again.json()
    assert hotel.read(again.json()["access_token"], grant.pairwise).status_code == 200

    path = f"/api/v1/grants/{grant.pk}"
    seen = hotel.call("GET", path, access)
    assert seen.status_code == 200, seen.content
    assert seen.json()["authorization_details"] == told["authorization_details"]
    assert hotel.call("DELETE", path, access).status_code == 204
    grant.refresh_from_db()
    assert grant.end_kind == Grant.EndKind.REVOKED

    ended = hotel.read(access, grant.pairwise)
    # The token died with the grant; one that is for no single grant is told that it ended.
    assert ended.json()["type"].rpartition(":")[2] in {"invalid-token", "grant-ended"}
    own = hotel.token({"grant_type": "client_credentials"}).json()["access_token"]
    gone = hotel.call("GET", path, own).json()
    assert gone["type"].rpartition(":")[2] == "grant-ended"
    assert gone["obligation"] == str(Obligation.objects.get(holder="").pk)
    assert hotel.post("/oauth/introspect", {"token": access}).json() == {"active": False}
    dead = hotel.token({"grant_type": "refresh_token", "refresh_token": refresh})
    assert dead.json()["error"] == "invalid_grant"


def test_a_code_that_comes_twice_kills_what_came_from_it(hotel: Hotel, browser: Browser) -> None:
    code = query(agree(browser, hotel.front(hotel.push())))["code"]
    told = hotel.redeem(code).json()
    grant = Grant.objects.get()
    epoch = grant.partner.epoch
    assert hotel.redeem(code).json()["error"] == "invalid_grant"

    assert hotel.read(told["access_token"], grant.pairwise).status_code == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]}
    assert hotel.token(refresh).json()["error"] == "invalid_grant"
    grant.partner.refresh_from_db()
    assert grant.partner.epoch == epoch + 1
    changes = [leaf for leaf in leaves() if leaf["type"] == "partner.changed"]
    assert changes[-1]["reason"] == "code-reused"
