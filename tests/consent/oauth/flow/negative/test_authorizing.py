"""The browser's way misused: foreign, stale and forged request_uris, somebody else's decision."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from consent import partners
from consent.models import AccessRequest, AuthorizationCode, Grant
from tests import cast
from tests.consent.oauth.flow.conftest import signed_in
from tests.consent.oauth.flow.hotel import BACK, Hotel, agree, last, query, walk
from tests.consent.oauth.flow.negative.table import refused
from vault.models import Pod

pytestmark = pytest.mark.django_db


def need_page(answer: Any) -> None:
    """A page of ours that leads nowhere: an address that came along is never followed."""
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/html")
    assert "Location" not in answer
    assert b'href="https://CANARY' not in answer.content
    assert "CANARY" not in answer["Content-Security-Policy"]


FRONTS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"client_id": ..., "request_uri": ...}, "front_channel_malformed"),
    "no client": ({"client_id": ...}, "front_channel_malformed"),
    "no request": ({"request_uri": ...}, "front_channel_malformed"),
    "a request that nobody pushed": ({"request_uri": "urn:ietf:params:oauth:request_uri:CANARY"}, "request_uri_unknown"),
    "a request elsewhere": ({"request_uri": "https://CANARY.example/r"}, "request_uri_unknown"),
    "a client that nobody knows": ({"client_id": "CANARY"}, "request_uri_of_another"),
    "one parameter twice": ({"client_id": ["a", "b"]}, "front_channel_malformed"),
}  # fmt: skip


@pytest.mark.parametrize("name", FRONTS)
def test_a_browser_with_anything_else_gets_a_page_and_no_redirect(
    name: str, hotel: Hotel, browser: Browser
) -> None:
    change, reason = FRONTS[name]
    uri = hotel.push().json()["request_uri"]
    asked = {
        "client_id": hotel.client.client_id,
        "request_uri": uri,
        "redirect_uri": "https://CANARY.example",
    }
    given = {key: value for key, value in (asked | change).items() if value is not ...}
    with refused(reason):
        need_page(browser.get("/oauth/authorize?" + urlencode(given, doseq=True)))


def test_the_old_way_without_a_push_does_not_exist(hotel: Hotel, browser: Browser) -> None:
    asked = {"response_type": "code", "client_id": hotel.client.client_id, "redirect_uri": BACK}
    with refused("front_channel_malformed"):
        need_page(browser.get("/oauth/authorize?" + urlencode(asked)))
    assert browser.post("/oauth/authorize", asked).status_code == 405


def test_what_stands_beside_a_request_uri_changes_nothing(hotel: Hotel, browser: Browser) -> None:
    more = urlencode({"redirect_uri": "https://evil.example", "state": "evil", "scope": "all"})
    back = query(agree(browser, f"{hotel.front(hotel.push())}&{more}"))
    assert back["state"] == "s t&te"


def test_a_request_uri_of_another_client_is_refused(hotel: Hotel, browser: Browser) -> None:
    other = Hotel.arrive()
    front = hotel.front(hotel.push()).replace(hotel.client.client_id, other.client.client_id)
    with refused("request_uri_of_another"):
        need_page(browser.get(front))


def test_a_request_uri_lives_for_seconds(hotel: Hotel, browser: Browser) -> None:
    front = hotel.front(hotel.push())
    with time_machine.travel(timezone.now() + timedelta(seconds=91)), refused("request_uri_over"):
        need_page(browser.get(front))


def test_signing_in_may_take_longer_than_the_request_uri_lives(hotel: Hotel, guest: Pod) -> None:
    stranger = Browser(headers={"accept-language": "en"})
    answer = last(stranger, stranger.get(hotel.front(hotel.push())))
    assert answer.request["PATH_INFO"] == "/account/login/"
    later = timezone.now() + timedelta(minutes=10)
    with time_machine.travel(later):
        stranger.force_login(guest.owner, "allauth.account.auth_backends.AuthenticationBackend")
        asked = AccessRequest.objects.get()
        page = stranger.get(f"/oauth/authorize/{asked.pk}/", follow=True)
        assert page.request["PATH_INFO"] == f"/requests/{asked.pk}/"


def test_a_request_uri_is_answered_once(hotel: Hotel, browser: Browser) -> None:
    front = hotel.front(hotel.push())
    query(agree(browser, front))
    with refused("request_uri_over"):
        need_page(browser.get(front))


@pytest.mark.parametrize("what", ["client", "partner"])
def test_who_was_shut_out_after_the_push_sends_nobody(
    what: str, hotel: Hotel, browser: Browser
) -> None:
    front = hotel.front(hotel.push())
    if what == "client":
        partners.revoke_client(hotel.client, cast.OPERATOR)
    else:
        partners.suspend(hotel.client.partner, "court-order", cast.OPERATOR)
    with refused("client_revoked" if what == "client" else "partner_suspended"):
        need_page(browser.get(front))


def test_a_code_comes_back_once(hotel: Hotel, browser: Browser) -> None:
    query(agree(browser, hotel.front(hotel.push())))
    asked = AccessRequest.objects.get()
    again = last(browser, browser.get(f"/oauth/authorize/{asked.pk}/back/"))
    assert again.status_code == 200
    assert AuthorizationCode.objects.count() == 1


def test_the_first_who_comes_has_the_request(hotel: Hotel, browser: Browser) -> None:
    front = hotel.front(hotel.push())
    walk(browser, front)
    other = signed_in(cast.make_pod())
    need_page(last(other, other.get(front)))


def test_a_browser_that_did_not_come_with_it_is_not_sent_back(
    hotel: Hotel, browser: Browser, guest: Pod
) -> None:
    """The same person in another browser decides there, and is not sent to the brand from there."""
    front = hotel.front(hotel.push())
    page = walk(browser, front)
    elsewhere = signed_in(guest)
    place = page.request["PATH_INFO"]
    answer = last(elsewhere, elsewhere.post(f"{place}refuse/", {}))
    assert answer.status_code == 200
    assert "Content-Security-Policy" in answer
    assert (
        "hotel.example"
        not in elsewhere.get(f"{place}refuse/", follow=True)["Content-Security-Policy"]
    )
    # The browser that came with it finds the way back.
    closed = browser.get(place).content.decode()
    assert f'href="/oauth/authorize/{AccessRequest.objects.get().pk}/back/"' in closed
    back = browser.get(f"/oauth/authorize/{AccessRequest.objects.get().pk}/back/")
    assert query(back)["error"] == "access_denied"


def test_nobody_brings_or_answers_a_request_that_is_not_theirs(
    hotel: Hotel, browser: Browser
) -> None:
    walk(browser, hotel.front(hotel.push()))
    asked = AccessRequest.objects.get()
    other = signed_in(cast.make_pod())
    need_page(other.get(f"/oauth/authorize/{asked.pk}/"))
    assert last(other, other.get(f"/oauth/authorize/{asked.pk}/back/")).status_code == 404
    assert last(other, other.post(f"/requests/{asked.pk}/refuse/", {})).status_code == 404
    assert AccessRequest.objects.get().decided_at is None


def test_a_browser_that_did_not_come_with_a_request_brings_it_to_nobody(hotel: Hotel) -> None:
    hotel.push()
    asked = AccessRequest.objects.get()
    other = signed_in(cast.make_pod())
    need_page(other.get(f"/oauth/authorize/{asked.pk}/"))
    asked.refresh_from_db()
    assert asked.pod is None


def test_replacing_is_for_the_owner_of_the_grant(
    hotel: Hotel, browser: Browser, guest: Pod
) -> None:
    query(agree(browser, hotel.front(hotel.push())))
    grant = Grant.objects.get()
    replace = {"grant_management_action": "replace", "grant_id": str(grant.pk)}
    front = hotel.front(hotel.push(**replace))
    other = signed_in(cast.make_pod())
    need_page(last(other, other.get(front)))
    code = query(agree(browser, front))["code"]
    told = hotel.redeem(code).json()
    grant.refresh_from_db()
    assert grant.superseded_at is not None
    assert told["grant_id"] != str(grant.pk)


def test_the_policy_lets_one_form_lead_to_the_brand_and_no_other(
    hotel: Hotel, browser: Browser
) -> None:
    page = walk(browser, hotel.front(hotel.push()))
    place = page.request["PATH_INFO"]
    browser.post(place, {"take-0": "on"})
    for step in ("confirm/", "refuse/"):
        policy = browser.get(f"{place}{step}")["Content-Security-Policy"]
        assert "form-action 'self' https://hotel.example;" in policy + ";"
    for path in (place, "/", "/settings/"):
        assert "hotel.example" not in browser.get(path)["Content-Security-Policy"]
