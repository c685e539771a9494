"""PAR misuse, redirect tricks, PKCE downgrade at the push (RFC 9126; RFC 9700; FAPI 2.0, 5.3.2.2)."""

from typing import Any

import pytest

from tests.consent.oauth import world
from tests.consent.oauth.flow.hotel import BACK, FORM, Hotel
from tests.consent.oauth.flow.negative.table import counts, need_error, refused

pytestmark = pytest.mark.django_db
INVALID = "invalid_request"
REDIRECT = "redirect_not_registered"
PUSHES = {
    "a request object": ({"request": "CANARY.e30.x"}, "request_not_supported", "request_object"),
    "a request_uri of its own": ({"request_uri": "https://CANARY.example/r"}, INVALID, "request_uri_sent"),
    "a request_uri of ours": ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, INVALID, "request_uri_sent"),
    "no client_id": ({"client_id": ...}, INVALID, "client_id_missing"),
    "no response_type": ({"response_type": ...}, INVALID, "response_type_wrong"),
    "implicit": ({"response_type": "token"}, "unsupported_response_type", "response_type_wrong"),
    "hybrid": ({"response_type": "code token"}, "unsupported_response_type", "response_type_wrong"),
    "code with an id token": ({"response_type": "code id_token"}, "unsupported_response_type", "response_type_wrong"),
    "nothing": ({"response_type": "none"}, "unsupported_response_type", "response_type_wrong"),
    "fragment mode": ({"response_mode": "fragment"}, INVALID, "response_mode_wrong"),
    "form_post mode": ({"response_mode": "form_post"}, INVALID, "response_mode_wrong"),
    "jwt mode": ({"response_mode": "jwt"}, INVALID, "response_mode_wrong"),
    "no redirect_uri": ({"redirect_uri": ...}, INVALID, REDIRECT),
    "another host": ({"redirect_uri": "https://CANARY.example/back"}, INVALID, REDIRECT),
    "a longer path": ({"redirect_uri": BACK + "/more"}, INVALID, REDIRECT),
    "a slash more": ({"redirect_uri": BACK + "/"}, INVALID, REDIRECT),
    "a query": ({"redirect_uri": BACK + "?x=1"}, INVALID, REDIRECT),
    "a fragment": ({"redirect_uri": BACK + "#x"}, INVALID, REDIRECT),
    "plain http": ({"redirect_uri": BACK.replace("https", "http")}, INVALID, REDIRECT),
    "another case": ({"redirect_uri": BACK.replace("back", "Back")}, INVALID, REDIRECT),
    "a host in capitals": ({"redirect_uri": BACK.replace("hotel", "HOTEL")}, INVALID, REDIRECT),
    "the port that is meant anyway": ({"redirect_uri": BACK.replace(".example", ".example:443")}, INVALID, REDIRECT),
    "a user before the host": ({"redirect_uri": "https://hotel.example@evil.example/back"}, INVALID, REDIRECT),
    "a subdomain": ({"redirect_uri": "https://evil.hotel.example/back"}, INVALID, REDIRECT),
    "a suffix of the host": ({"redirect_uri": "https://hotel.example.evil.example/back"}, INVALID, REDIRECT),
    "a backslash": ({"redirect_uri": "https://hotel.example\\@evil.example/back"}, INVALID, REDIRECT),
    "steps up and down": ({"redirect_uri": "https://hotel.example/x/../back"}, INVALID, REDIRECT),
    "an escaped letter": ({"redirect_uri": "https://hotel.example/b%61ck"}, INVALID, REDIRECT),
    "a script": ({"redirect_uri": "javascript:alert(1)"}, INVALID, REDIRECT),
    "a state with a line break": ({"state": "CANARY\r\nSet-Cookie: x"}, INVALID, "state_malformed"),
    "a state in Korean": ({"state": "상태"}, INVALID, "state_malformed"),
    "a state too long": ({"state": "x" * 513}, INVALID, "state_malformed"),
    "no challenge": ({"code_challenge": ...}, INVALID, "challenge_missing"),
    "an empty challenge": ({"code_challenge": ""}, INVALID, "challenge_missing"),
    "a short challenge": ({"code_challenge": "x" * 42}, INVALID, "challenge_missing"),
    "a padded challenge": ({"code_challenge": "x" * 42 + "="}, INVALID, "challenge_missing"),
    "a plain challenge": ({"code_challenge_method": "plain"}, INVALID, "challenge_method_wrong"),
    "no method, which means plain": ({"code_challenge_method": ...}, INVALID, "challenge_method_wrong"),
    "a method in small letters": ({"code_challenge_method": "s256"}, INVALID, "challenge_method_wrong"),
    "a stronger method": ({"code_challenge_method": "S512"}, INVALID, "challenge_method_wrong"),
    "a scope": ({"scope": "CANARY"}, "invalid_scope", "scope_unknown"),
    "OpenID": ({"scope": "openid"}, "invalid_scope", "scope_unknown"),
    "another resource": ({"resource": "https://CANARY.example"}, "invalid_target", "resource_unknown"),
    "a thumbprint too short": ({"dpop_jkt": "CANARY"}, INVALID, "dpop_jkt_malformed"),
    "an unknown action": ({"grant_management_action": "merge"}, INVALID, "grant_action_wrong"),
    "an id to create": ({"grant_id": "00000000-0000-4000-8000-000000000000"}, INVALID, "grant_action_wrong"),
    "replacing nothing": ({"grant_management_action": "replace"}, "invalid_grant_id", "grant_id_wrong"),
    "replacing what is no id": ({"grant_management_action": "replace", "grant_id": "CANARY"}, "invalid_grant_id", "grant_id_wrong"),
    "replacing what nobody has": (
        {"grant_management_action": "replace", "grant_id": "00000000-0000-4000-8000-000000000000"},
        "invalid_grant_id", "grant_id_wrong",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUSHES)
def test_a_push_that_is_not_as_it_should_be_is_refused(name: str, hotel: Hotel) -> None:
    change, error, reason = PUSHES[name]
    with refused(reason):
        need_error(hotel.push(**change), error)


def test_a_client_of_level_one_does_not_push(db: None) -> None:
    small = Hotel.arrive(level=1)
    with refused("level_too_low"):
        need_error(small.push(), "unauthorized_client")


@pytest.mark.parametrize("twice", ["redirect_uri", "state", "client_id", "authorization_details"])
def test_a_parameter_twice_is_refused(twice: str, hotel: Hotel) -> None:
    form = hotel.pushed(client_id=hotel.client.client_id)
    with refused("parameters_wrong"):
        need_error(hotel.push(**{twice: [form[twice], "CANARY"]}), INVALID)


def test_a_push_by_json_in_the_address_or_by_get_is_refused(hotel: Hotel) -> None:
    rows = counts()
    need_error(
        hotel.http.post("/oauth/par", {}, content_type="application/json"), "invalid_client", 401
    )
    whole = hotel.pushed(client_assertion=hotel.assertion())
    need_error(hotel.http.post("/oauth/par?" + FORM, whole), "invalid_client", 401)
    assert hotel.http.get("/oauth/par").status_code == 405
    assert counts() == rows


ASSERTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "for the push endpoint": ({"aud": world.ISSUER + "/oauth/par"}, "audience_wrong"),
    "for the token endpoint": ({"aud": world.ISSUER + "/oauth/token"}, "audience_wrong"),
    "for us among others": ({"aud": [world.ISSUER]}, "audience_wrong"),
    "for us with a slash": ({"aud": world.ISSUER + "/"}, "audience_wrong"),
    "by somebody else": ({"iss": "another"}, "issuer_wrong"),
    "too old": ({"iat": 1, "exp": 2}, "expired"),
    "without an end": ({"exp": ...}, "expiry_missing"),
    "without a name": ({"jti": ...}, "jti_malformed"),
}


@pytest.mark.parametrize(
    "path", ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"]
)
@pytest.mark.parametrize("name", ASSERTIONS)
def test_an_assertion_that_is_not_for_us_opens_no_endpoint(
    name: str, path: str, hotel: Hotel
) -> None:
    change, reason = ASSERTIONS[name]
    form = hotel.pushed() | {"grant_type": "client_credentials", "token": "x"}
    with refused(reason):
        answer = hotel.post(path, form | {"client_assertion": hotel.assertion(**change)})
        need_error(answer, "invalid_client", 401)


def test_an_assertion_is_good_for_one_endpoint_once(hotel: Hotel) -> None:
    used = hotel.assertion()
    assert hotel.push(client_assertion=used).status_code == 201
    for path in ("/oauth/par", "/oauth/introspect", "/oauth/revoke"):
        with refused("replayed"):
            answer = hotel.post(path, hotel.pushed(client_assertion=used, token="x"))
            need_error(answer, "invalid_client", 401)


def test_nobody_pushes_in_another_clients_name(hotel: Hotel) -> None:
    other = Hotel.arrive()
    with refused("client_mismatch"):
        need_error(hotel.push(client_id=other.client.client_id), "invalid_client", 401)


def test_a_proof_and_a_thumbprint_that_differ_are_refused(hotel: Hotel) -> None:
    proof = hotel.proof("POST", world.ISSUER + "/oauth/par")
    with refused("dpop_jkt_mismatch"):
        answer = hotel.post("/oauth/par", hotel.pushed(dpop_jkt="x" * 43), DPoP=proof)
        need_error(answer, "invalid_dpop_proof")
