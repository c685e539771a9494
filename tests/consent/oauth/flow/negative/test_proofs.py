"""DPoP at both ends: replay, binding, other calls, other moments, other keys (RFC 9449, 4.3 and 11)."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from consent.models import Grant
from tests.consent.oauth import world
from tests.consent.oauth.flow.hotel import Hotel, agree, jkt
from tests.consent.oauth.flow.negative.table import need_error, refused
from vault.models import Pod

pytestmark = pytest.mark.django_db
READS = world.ISSUER + "/api/v1/reads"
TOKEN = world.ISSUER + "/oauth/token"
RSA = {"kty": "RSA", "n": "AQAB" * 86, "e": "AQAB"}
P384 = {"kty": "EC", "crv": "P-384", "x": "A" * 64, "y": "A" * 64}
CLIENT = {"grant_type": "client_credentials"}


def soon(seconds: float) -> int:
    return int(time.time() + seconds)


def now(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims with their moments filled in."""
    return {name: value() if callable(value) else value for name, value in claims.items()}


def own(hotel: Hotel, **more: Any) -> dict[str, Any]:
    jwk = world.public_jwk(hotel.proving)
    return {name: jwk[name] for name in ("kty", "crv", "x", "y")} | more


# (header, claims) made wrong, and the reason. For the token endpoint and for a read alike.
PROOFS: dict[str, tuple[Callable[[Hotel], dict[str, Any]], dict[str, Any], str]] = {
    "another type": (lambda _: {"typ": "jwt"}, {}, "proof_type_wrong"),
    "no type": (lambda _: {"typ": ...}, {}, "proof_type_wrong"),
    "no signature": (lambda _: {"alg": "none"}, {}, "proof_algorithm_wrong"),
    "a symmetric signature": (lambda _: {"alg": "HS256"}, {}, "proof_algorithm_wrong"),
    "another algorithm": (lambda _: {"alg": "ES384"}, {}, "proof_algorithm_wrong"),
    "no algorithm": (lambda _: {"alg": ...}, {}, "proof_algorithm_wrong"),
    "a place to fetch a key": (lambda _: {"jku": "https://x.example"}, {}, "proof_header_wrong"),
    "certificates": (lambda _: {"x5c": ["MII"]}, {}, "proof_header_wrong"),
    "a critical header": (lambda _: {"crit": ["b64"]}, {}, "proof_header_wrong"),
    "no key": (lambda _: {"jwk": ...}, {}, "proof_key_wrong"),
    "a key as text": (lambda _: {"jwk": "key"}, {}, "proof_key_wrong"),
    "the private half": (lambda h: {"jwk": own(h, d="A" * 43)}, {}, "proof_key_wrong"),
    "a symmetric key": (lambda _: {"jwk": {"kty": "oct", "k": "A" * 43}}, {}, "proof_key_wrong"),
    "an RSA key": (lambda _: {"jwk": RSA}, {}, "proof_key_wrong"),
    "a longer curve": (lambda _: {"jwk": P384}, {}, "proof_key_wrong"),
    "a point off the curve": (lambda h: {"jwk": own(h, x="A" * 43)}, {}, "proof_key_wrong"),
    "an encryption key": (lambda h: {"jwk": own(h, use="enc")}, {}, "proof_key_wrong"),
    "another key than signed": (
        lambda _: {"jwk": {k: v for k, v in world.public_jwk(world.new_key()).items() if len(k) < 4}},
        {}, "proof_signature_wrong",
    ),
    "another method": (lambda _: {}, {"htm": "GET"}, "proof_method_wrong"),
    "a method in small letters": (lambda _: {}, {"htm": "post"}, "proof_method_wrong"),
    "no method": (lambda _: {}, {"htm": ...}, "proof_method_wrong"),
    "another path": (lambda _: {}, {"htu": world.ISSUER + "/api/v1/requests"}, "proof_address_wrong"),
    "another host": (lambda _: {}, {"htu": "https://evil.example/oauth/token"}, "proof_address_wrong"),
    "a path alone": (lambda _: {}, {"htu": "/oauth/token"}, "proof_address_wrong"),
    "addresses in a list": (lambda _: {}, {"htu": [TOKEN, READS]}, "proof_address_wrong"),
    "no address": (lambda _: {}, {"htu": ...}, "proof_address_wrong"),
    "a user in the address": (lambda _: {}, {"htu": TOKEN.replace("//", "//me@")}, "proof_address_wrong"),
    "too old": (lambda _: {}, {"iat": lambda: soon(-62)}, "proof_moment_wrong"),
    "from the future": (lambda _: {}, {"iat": lambda: soon(40)}, "proof_moment_wrong"),
    "no moment": (lambda _: {}, {"iat": ...}, "proof_moment_wrong"),
    "a moment as text": (lambda _: {}, {"iat": "now"}, "proof_moment_wrong"),
    "a moment that is a truth": (lambda _: {}, {"iat": True}, "proof_moment_wrong"),
    "a moment beyond all": (lambda _: {}, {"iat": 2**52}, "proof_moment_wrong"),
    "no name": (lambda _: {}, {"jti": ...}, "proof_jti_malformed"),
    "an empty name": (lambda _: {}, {"jti": ""}, "proof_jti_malformed"),
    "a name too long": (lambda _: {}, {"jti": "x" * 257}, "proof_jti_malformed"),
    "a name that is a number": (lambda _: {}, {"jti": 1}, "proof_jti_malformed"),
    "a name with a blank": (lambda _: {}, {"jti": "a b"}, "proof_jti_malformed"),
}  # fmt: skip
TEXTS = (
    "",
    "CANARY",
    "a.b",
    "a.b.c.d",
    "..",
    "e30.W10.x",
    "x" * 5000,
    "a.b.c, a.b.c",
    "e30=.e30.x",
)


def bound(hotel: Hotel) -> str:
    answer = hotel.token(CLIENT)
    assert answer.json()["token_type"] == "DPoP", answer.content
    return str(answer.json()["access_token"])


@pytest.fixture
def grant(hotel: Hotel, browser: Browser) -> Grant:
    agree(browser, hotel.front(hotel.push()))
    return Grant.objects.get()


@pytest.mark.parametrize("name", PROOFS)
def test_a_proof_that_is_not_for_this_gets_no_token(name: str, hotel: Hotel) -> None:
    header, claims, reason = PROOFS[name]
    proof = hotel.proof("POST", TOKEN, header=header(hotel), **now(claims))
    with refused(reason):
        need_error(hotel.token(CLIENT, proof=proof), "invalid_dpop_proof")


@pytest.mark.parametrize("name", PROOFS)
def test_a_proof_that_is_not_for_this_reads_nothing(name: str, hotel: Hotel, guest: Pod) -> None:
    header, claims, reason = PROOFS[name]
    token = bound(hotel)
    proof = hotel.proof("POST", READS, token, header=header(hotel), **now(claims))
    with refused(reason):
        need_challenge(hotel.read(token, "somebody", proof=proof))


def need_challenge(answer: Any, error: str = "invalid_dpop_proof") -> None:
    assert answer.status_code == 401, answer.content
    assert f'DPoP error="{error}", algs="ES256"' in answer["WWW-Authenticate"]
    assert b"records" not in answer.content


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_proof_gets_nothing(text: str, hotel: Hotel) -> None:
    token = bound(hotel)
    reason = "proof_missing" if not text else "proof_malformed"
    with refused(reason):
        need_error(hotel.token(CLIENT, proof=text or None), "invalid_dpop_proof")
    with refused(reason):
        need_challenge(hotel.read(token, "somebody", proof=text or None))


HASHES: dict[str, Any] = {
    "none": ..., "empty": "", "a number": 1, "another token's": "x" * 43,
    "in hex": hashlib.sha256(b"x").hexdigest(),
}  # fmt: skip


@pytest.mark.parametrize("name", HASHES)
def test_a_proof_is_for_one_token(name: str, hotel: Hotel) -> None:
    token = bound(hotel)
    with refused("proof_token_wrong"):
        proof = hotel.proof("POST", READS, token, ath=HASHES[name])
        need_challenge(hotel.read(token, "somebody", proof=proof))


def test_a_proof_counts_once_at_each_end(hotel: Hotel, grant: Grant) -> None:
    proof = hotel.proof("POST", TOKEN)
    token = hotel.token(CLIENT, proof=proof).json()["access_token"]
    with refused("proof_replayed"):
        need_error(hotel.token(CLIENT, proof=proof), "invalid_dpop_proof")
    shown = hotel.proof("POST", READS, token)
    assert hotel.read(token, grant.pairwise, proof=shown).status_code == 200
    with refused("proof_replayed"):
        need_challenge(hotel.read(token, grant.pairwise, proof=shown))
    with refused("proof_replayed"):
        respelled = READS.replace("http:", "HTTP:").replace("127.0.0.1", "127.0.0.1") + "?x#y"
        again = hotel.proof("POST", respelled, token, jti=jti_of(shown))
        need_challenge(hotel.read(token, grant.pairwise, proof=again))


def jti_of(proof: str) -> str:
    import base64
    import json

    return str(json.loads(base64.urlsafe_b64decode(proof.split(".")[1] + "=="))["jti"])


@pytest.mark.rule("a bound token is never a bearer token", "RFC 9449, 7.2")
def test_a_bound_token_is_refused_under_bearer_with_and_without_a_proof(
    hotel: Hotel, grant: Grant
) -> None:
    token = bound(hotel)
    for proof in (None, ""):
        need_challenge(
            hotel.read(token, grant.pairwise, scheme="Bearer", proof=proof), "invalid_token"
        )
    assert hotel.read(token, grant.pairwise).status_code == 200


def test_a_stolen_token_is_worth_nothing_with_another_key(hotel: Hotel, grant: Grant) -> None:
    token = bound(hotel)
    thief = hotel.proof("POST", READS, token, key=world.new_key())
    need_challenge(hotel.read(token, grant.pairwise, proof=thief), "invalid_token")


def test_another_client_cannot_use_it_with_its_own_key(hotel: Hotel, grant: Grant) -> None:
    other = Hotel.arrive()
    token = bound(hotel)
    need_challenge(other.read(token, grant.pairwise), "invalid_token")


def test_every_door_asks_for_the_key(hotel: Hotel, grant: Grant) -> None:
    token = bound(hotel)
    for method, path in (
        ("POST", "/api/v1/requests"), ("GET", "/api/v1/obligations"), ("POST", "/api/v1/contributions"),
        ("GET", f"/api/v1/grants/{grant.pk}"), ("DELETE", f"/api/v1/grants/{grant.pk}"),
    ):  # fmt: skip
        need_challenge(
            hotel.call(method, path, token, {}, scheme="Bearer", proof=None), "invalid_token"
        )
        need_challenge(hotel.call(method, path, token, {}, proof=None))
        thief = hotel.proof(method, world.ISSUER + path, token, key=world.new_key())
        need_challenge(hotel.call(method, path, token, {}, proof=thief), "invalid_token")
    grant.refresh_from_db()
    assert grant.ended_at is None


@pytest.mark.rule("level ≥ 2 must use DPoP", "consent.md 2.2")
def test_from_level_two_on_there_is_no_token_without_a_key(hotel: Hotel) -> None:
    with refused("proof_missing"):
        need_error(hotel.token(CLIENT, proof=None), "invalid_dpop_proof")


def test_level_one_may_bind_its_tokens_and_is_then_held_to_it(db: None) -> None:
    small = Hotel.arrive(level=1)
    plain = small.token(CLIENT, proof=None).json()
    assert plain["token_type"] == "Bearer"
    path = "/api/v1/obligations"
    assert (
        small.call("GET", path, plain["access_token"], scheme="Bearer", proof=None).status_code
        == 200
    )
    need_challenge(small.call("GET", path, plain["access_token"]), "invalid_token")
    token = bound(small)
    need_challenge(small.call("GET", path, token, scheme="Bearer", proof=None), "invalid_token")
    assert small.call("GET", path, token).status_code == 200


@pytest.mark.rule("when the store is away, calls with a proof are refused", "architecture.md")
def test_without_the_store_of_seen_proofs_nothing_that_needs_one_is_answered(
    hotel: Hotel, grant: Grant
) -> None:
    token = bound(hotel)
    away = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:1",
    }
    with override_settings(CACHES={"default": away}):
        answer = hotel.read(token, grant.pairwise)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        need_error(hotel.token(CLIENT), "temporarily_unavailable", 503)
    assert hotel.read(token, grant.pairwise).status_code == 200


def test_the_address_may_be_spelled_in_every_way_that_means_the_same(
    hotel: Hotel, grant: Grant
) -> None:
    for spelled in (READS + "?a=1", READS + "#x", READS.replace("http", "HTTP")):
        token = bound(hotel)
        proof = hotel.proof("POST", spelled, token)
        assert hotel.read(token, grant.pairwise, proof=proof).status_code == 200, spelled


def test_the_thumbprint_of_a_key_is_that_of_the_standard(hotel: Hotel, grant: Grant) -> None:
    told = hotel.post("/oauth/introspect", {"token": bound(hotel)}).json()
    assert told["cnf"] == {"jkt": jkt(hotel.proving)}


def test_a_proof_costs_no_query(hotel: Hotel, grant: Grant) -> None:
    small = Hotel.arrive(level=1, partner=hotel.client.partner)
    plain = str(small.token(CLIENT, proof=None).json()["access_token"])
    token = bound(hotel)
    with CaptureQueriesContext(connection) as by_itself:
        answer = small.read(plain, grant.pairwise, scheme="Bearer", proof=None)
    assert answer.status_code == 200
    with CaptureQueriesContext(connection) as beside_a_proof:
        assert hotel.read(token, grant.pairwise).status_code == 200
    assert len(beside_a_proof) == len(by_itself)
