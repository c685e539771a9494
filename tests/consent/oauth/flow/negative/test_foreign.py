"""Foreign ids and foreign tokens on every route; tokens for one grant on the others; forged tokens."""

import secrets
import uuid
from typing import Any

import pytest
from django.test import Client as Browser

from consent.models import Grant
from tests import cast
from tests.consent.oauth import world
from tests.consent.oauth.flow.hotel import Hotel, agree, query
from tests.consent.oauth.flow.negative.table import need_error, refused
from vault.models import Pod

pytestmark = pytest.mark.django_db
CLIENT = {"grant_type": "client_credentials"}
INACTIVE = {"active": False}


@pytest.fixture
def told(hotel: Hotel, browser: Browser) -> dict[str, Any]:
    return dict(hotel.redeem(query(agree(browser, hotel.front(hotel.push())))["code"]).json())


def whole(hotel: Hotel) -> str:
    return str(hotel.token(CLIENT).json()["access_token"])


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_foreign_token_is_as_inactive_as_none(
    kind: str, hotel: Hotel, told: dict[str, Any]
) -> None:
    other = Hotel.arrive()
    answers = [
        other.post("/oauth/introspect", {"token": token})
        for token in (told[kind], secrets.token_urlsafe(32), "", "x" * 9000, "한글")
    ]
    assert answers.pop(2).json()["error"] == "invalid_request"
    assert {answer.content for answer in answers} == {b'{"active": false}'}
    assert {answer["Cache-Control"] for answer in answers} == {"no-store"}
    assert hotel.post("/oauth/introspect", {"token": told[kind]}).json()["active"]


def test_another_client_of_the_same_partner_may_ask(hotel: Hotel, told: dict[str, Any]) -> None:
    sister = Hotel.arrive(partner=hotel.client.partner)
    assert sister.post("/oauth/introspect", {"token": told["access_token"]}).json()["active"]


def test_a_killed_token_is_inactive(hotel: Hotel, told: dict[str, Any]) -> None:
    hotel.post("/oauth/revoke", {"token": told["access_token"]})
    assert hotel.post("/oauth/introspect", {"token": told["access_token"]}).json() == INACTIVE
    assert hotel.post("/oauth/introspect", {"token": told["refresh_token"]}).json()["active"]


def test_a_foreign_token_is_not_revoked(hotel: Hotel, told: dict[str, Any]) -> None:
    other = Hotel.arrive()
    for kind in ("access_token", "refresh_token"):
        answer = other.post("/oauth/revoke", {"token": told[kind]})
        assert (answer.status_code, answer.content) == (200, b"")
        assert hotel.post("/oauth/introspect", {"token": told[kind]}).json()["active"]


@pytest.mark.rule("404 for not yours", "issue 4, item 4")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_foreign_grant_does_not_exist(method: str, hotel: Hotel, told: dict[str, Any]) -> None:
    other = Hotel.arrive()
    paths = [f"/api/v1/grants/{each}" for each in (told["grant_id"], uuid.uuid4())]
    answers = [other.call(method, path, whole(other)) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert Grant.objects.get().ended_at is None


def test_nobody_replaces_or_narrows_to_a_foreign_grant(hotel: Hotel, told: dict[str, Any]) -> None:
    other = Hotel.arrive()
    replace = {"grant_management_action": "replace", "grant_id": told["grant_id"]}
    with refused("grant_id_wrong"):
        need_error(other.push(**replace), "invalid_grant_id")
    for grant_id in (told["grant_id"], str(uuid.uuid4()), "x"):
        with refused("grant_id_wrong"):
            need_error(other.token(CLIENT | {"grant_id": grant_id}), "invalid_grant_id")


def test_a_client_may_narrow_its_own_token(hotel: Hotel, told: dict[str, Any]) -> None:
    answer = hotel.token(CLIENT | {"grant_id": told["grant_id"]}).json()
    assert answer["grant_id"] == told["grant_id"]
    assert "refresh_token" not in answer
    subject = Grant.objects.get().pairwise
    assert hotel.read(answer["access_token"], subject).status_code == 200


def test_a_token_for_one_grant_is_for_nothing_else(
    hotel: Hotel, told: dict[str, Any], guest: Pod
) -> None:
    token = told["access_token"]
    other = cast.make_grant(cast.make_pod(), hotel.client)
    unseen = hotel.read(token, other.pairwise)
    unknown = hotel.read(token, "nobody")
    assert (unseen.status_code, unseen.content) == (404, unknown.content)
    for method in ("GET", "DELETE"):
        assert hotel.call(method, f"/api/v1/grants/{other.pk}", token).status_code == 404
    record = {"subject": other.pairwise, "category": "stay", "purpose": cast.PURPOSE, "record": {}}
    given = hotel.call("POST", "/api/v1/contributions", token, record, **{"Idempotency-Key": "k"})
    assert given.status_code == 404, given.content
    for method, path in (("POST", "/api/v1/requests"), ("GET", "/api/v1/obligations")):
        answer = hotel.call(method, path, token, {}, **{"Idempotency-Key": "k"})
        assert answer.status_code == 403
        assert answer.json()["type"].endswith(":token-narrowed")


FORGERIES = {
    "random": lambda _t: secrets.token_urlsafe(32),
    "cut": lambda t: t[:-1],
    "longer": lambda t: t + "A",
    "in another case": lambda t: t.swapcase(),
    "padded": lambda t: t + "=",
    "a JWT that says so": lambda _t: world.compact(
        {"alg": "ES256"}, {"active": True}, world.new_key()
    ),
    "a JWT without a signature": lambda _t: "eyJhbGciOiJub25lIn0.e30.",
    "short": lambda _t: "x",
    "dots": lambda _t: "...",
}


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("scheme", ["DPoP", "Bearer"])
def test_a_forged_token_opens_nothing(
    name: str, scheme: str, hotel: Hotel, told: dict[str, Any]
) -> None:
    forged = FORGERIES[name](told["access_token"])
    subject = Grant.objects.get().pairwise
    for answer in (
        hotel.read(forged, subject, scheme=scheme),
        hotel.call("GET", f"/api/v1/grants/{told['grant_id']}", forged, scheme=scheme),
    ):
        assert answer.status_code == 401
        assert answer.json()["type"].endswith(":invalid-token")
    assert hotel.post("/oauth/introspect", {"token": forged}).json() == INACTIVE


def test_a_token_is_taken_from_its_header_alone(hotel: Hotel, told: dict[str, Any]) -> None:
    token = told["access_token"]
    path = f"/api/v1/grants/{told['grant_id']}"
    assert hotel.http.get(f"{path}?access_token={token}").status_code == 401
    assert hotel.http.post("/api/v1/reads", {"access_token": token}).status_code in {401, 415}
    hotel.http.cookies["access_token"] = token
    assert hotel.http.get(path).status_code == 401
