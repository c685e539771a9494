"""What a client assertion must be, and everything that it must not be."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client as Browser
from django.utils import timezone

from consent.models import AccessToken, SeenAssertion
from tests.consent.oauth import world
from tests.consent.oauth.world import Brand, ask, b64, compact, new_key

pytestmark = pytest.mark.django_db
NOW = time.time


def _claims(**changes: Any) -> Callable[[Brand], str]:
    return lambda brand: brand.assertion(**changes)


def _at(**offsets: float) -> Callable[[Brand], str]:
    """Change moments; the offsets count from the moment of the call."""
    return lambda brand: brand.assertion(**{name: int(NOW()) + at for name, at in offsets.items()})


def _header(**changes: Any) -> Callable[[Brand], str]:
    return lambda brand: compact(brand.header(**changes), brand.claims(), brand.key)


def _raw_claims(change: Callable[[str], str]) -> Callable[[Brand], str]:
    def forge(brand: Brand) -> str:
        return compact(brand.header(), change(json.dumps(brand.claims())).encode(), brand.key)

    return forge


def _text(change: Callable[[str], str]) -> Callable[[Brand], str]:
    return lambda brand: change(brand.assertion())


def _unsigned(brand: Brand) -> str:
    return (
        f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(json.dumps(brand.claims()).encode())}."
    )


def _hmac_with_public_key(brand: Brand) -> str:
    """The classic confusion: HS256 keyed with the bytes of the registered public key."""
    import hmac

    signed = (
        b64(json.dumps(brand.header(alg="HS256")).encode())
        + "."
        + b64(json.dumps(brand.claims()).encode())
    )
    key = json.dumps(brand.client.jwks["keys"][0]).encode()
    return f"{signed}.{b64(hmac.digest(key, signed.encode(), 'sha256'))}"


def _own_key_in_header(brand: Brand) -> str:
    key = new_key()
    return compact(brand.header(jwk=world.public_jwk(key), kid=...), brand.claims(), key)


def _p384(brand: Brand) -> str:
    return compact(brand.header(), brand.claims(), new_key(ec.SECP384R1()))


def _der_signature(brand: Brand) -> str:
    from cryptography.hazmat.primitives import hashes

    signed = brand.assertion().rpartition(".")[0]
    return f"{signed}.{b64(brand.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))}"


def _other_payload(brand: Brand) -> str:
    header, _payload, signature = brand.assertion().split(".")
    return f"{header}.{b64(json.dumps(brand.claims()).encode())}.{signature}"


def _spelled_otherwise(text: str) -> str:
    """Set the bits of the signature's last character that stand for nothing (86 = 512 bits + 4)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) | 0b1111]


FORGED: dict[str, tuple[str, Callable[[Brand], str]]] = {
    # Shape
    "empty": ("assertion_missing", lambda _brand: ""),
    "not a token": ("assertion_malformed", lambda _brand: "hello"),
    "two parts": ("assertion_malformed", _text(lambda text: text.rpartition(".")[0])),
    "four parts": ("assertion_malformed", _text(lambda text: text + ".e30")),
    "five parts, a JWE": ("assertion_malformed", _text(lambda text: text + ".e30.e30")),
    "padded": ("assertion_malformed", _text(lambda text: text + "=")),
    "standard base64": ("assertion_malformed", _text(lambda text: text[:-3] + "+/+")),
    "a blank inside": ("assertion_malformed", _text(lambda text: text.replace(".", ". ", 1))),
    "a line feed at the end": ("assertion_malformed", _text(lambda text: text + "\n")),
    "signature spelled otherwise": ("assertion_malformed", _text(_spelled_otherwise)),
    "not ASCII": ("assertion_malformed", _text(lambda text: text + "é")),
    "huge": ("too_large", _claims(filler="x" * 20_000)),
    "no signature": ("assertion_malformed", _text(lambda text: text.rpartition(".")[0] + ".")),
    "no payload": ("assertion_malformed", lambda brand: compact(brand.header(), b"", brand.key)),
    "payload a list": ("assertion_malformed", lambda brand: compact(brand.header(), [], brand.key)),
    "header a list": ("assertion_malformed", lambda brand: compact([], brand.claims(), brand.key)),
    "payload no JSON": ("assertion_malformed", _raw_claims(lambda text: text[:-1])),
    "payload not UTF-8": (
        "assertion_malformed",
        lambda brand: compact(brand.header(), b'{"sub":"\xff"}', brand.key),
    ),
    "NaN": ("assertion_malformed", _raw_claims(lambda text: text[:-1] + ', "x": NaN}')),
    "a claim twice": (
        "assertion_malformed",
        _raw_claims(lambda text: text[:-1] + f', "aud": "{world.ISSUER}"}}'),
    ),
    "deep": ("assertion_malformed", _raw_claims(lambda text: text[:-1] + ', "x": ' + "[" * 99 + "]" * 99 + "}")),
    # Algorithm, key, type
    "alg none": ("assertion_malformed", _unsigned),
    "alg none, signed": ("algorithm_wrong", _header(alg="none")),
    "alg missing": ("algorithm_wrong", _header(alg=...)),
    "alg HS256 with the public key": ("algorithm_wrong", _hmac_with_public_key),
    "alg RS256": ("algorithm_wrong", _header(alg="RS256")),
    "alg ES384": ("algorithm_wrong", _header(alg="ES384")),
    "alg EdDSA": ("algorithm_wrong", _header(alg="EdDSA")),
    "alg in lower case": ("algorithm_wrong", _header(alg="es256")),
    "alg a list": ("algorithm_wrong", _header(alg=["ES256"])),
    "own key in the header": ("header_forbidden", _own_key_in_header),
    "jku": ("header_forbidden", _header(jku="https://evil.example/jwks.json")),
    "x5u": ("header_forbidden", _header(x5u="https://evil.example/cert")),
    "x5c": ("header_forbidden", _header(x5c=["MIIB"])),
    "crit": ("header_forbidden", _header(crit=["exp"])),
    "b64 false": ("header_forbidden", _header(b64=False)),
    "typ of an access token": ("type_wrong", _header(typ="at+jwt")),
    "typ of an event": ("type_wrong", _header(typ="secevent+jwt")),
    "typ of a proof": ("type_wrong", _header(typ="dpop+jwt")),
    "typ null": ("type_wrong", _header(typ=None)),
    "typ a number": ("type_wrong", _header(typ=1)),
    "unknown kid": ("key_unknown", _header(kid="k2")),
    "kid null": ("key_unknown", _header(kid=None)),
    "kid a path": ("key_unknown", _header(kid="../../dev/null")),
    "kid a list": ("key_unknown", _header(kid=["k1"])),
    "another's key": (
        "signature_wrong",
        lambda brand: compact(brand.header(), brand.claims(), new_key()),
    ),
    "P-384 signature": ("signature_wrong", _p384),
    "signature in DER": ("signature_wrong", _der_signature),
    "signature of zeros": ("signature_wrong", _text(lambda text: text[:-86] + "A" * 86)),
    "signature of another payload": ("signature_wrong", _other_payload),
    "signature cut": ("signature_wrong", _text(lambda text: text[:-2])),
    # Who
    "unknown client": ("client_unknown", _claims(iss="nobody", sub="nobody")),
    "sub missing": ("subject_wrong", _claims(sub=...)),
    "sub a number": ("subject_wrong", _claims(sub=1)),
    "sub with a NUL": ("subject_wrong", _claims(sub="a\0b")),
    "iss missing": ("issuer_wrong", _claims(iss=...)),
    "iss another": ("issuer_wrong", _claims(iss="somebody")),
    "iss ours": ("issuer_wrong", _claims(iss=world.ISSUER)),
    # For whom
    "aud missing": ("audience_wrong", _claims(aud=...)),
    "aud another server": ("audience_wrong", _claims(aud="https://other.example")),
    "aud the token endpoint": ("audience_wrong", _claims(aud=world.ISSUER + "/oauth/token")),
    "aud with a slash": ("audience_wrong", _claims(aud=world.ISSUER + "/")),
    "aud in capitals": ("audience_wrong", _claims(aud=world.ISSUER.upper())),
    "aud a list of one": ("audience_wrong", _claims(aud=[world.ISSUER])),
    "aud a list of two": ("audience_wrong", _claims(aud=[world.ISSUER, "https://other.example"])),
    "aud null": ("audience_wrong", _claims(aud=None)),
    # When
    "exp missing": ("expiry_missing", _claims(exp=...)),
    "exp a word": ("moment_malformed", _claims(exp="tomorrow")),
    "exp true": ("moment_malformed", _claims(exp=True)),
    "exp null": ("moment_malformed", _claims(exp=None)),
    "exp negative": ("moment_malformed", _claims(exp=-1)),
    "exp beyond all clocks": ("moment_malformed", _claims(exp=2**53 - 1 + 0.5)),
    "expired": ("expired", _at(exp=-11, iat=-60)),
    "exp too far": ("life_too_long", _at(exp=320)),
    "exp too far, no iat": ("life_too_long", lambda brand: brand.assertion(iat=..., exp=int(NOW()) + 320)),
    "lives an hour": ("life_too_long", _at(exp=60, iat=-3600)),
    "iat ahead": ("not_yet_valid", _at(iat=40)),
    "nbf ahead": ("not_yet_valid", _at(nbf=40)),
    "iat a word": ("moment_malformed", _claims(iat="now")),
    "nbf true": ("moment_malformed", _claims(nbf=True)),
    # Once
    "jti missing": ("jti_malformed", _claims(jti=...)),
    "jti empty": ("jti_malformed", _claims(jti="")),
    "jti a number": ("jti_malformed", _claims(jti=7)),
    "jti endless": ("jti_malformed", _claims(jti="x" * 129)),
    "jti with a NUL": ("jti_malformed", _claims(jti="a\0")),
    "jti with a line feed": ("jti_malformed", _claims(jti="a\n")),
}  # fmt: skip


@pytest.mark.rule("every forgery is refused alike, and counted by its reason", "RFC 7523, 3")
@pytest.mark.parametrize("name", FORGED)
def test_a_forged_assertion_opens_nothing(name: str, door: Browser, brand: Brand) -> None:
    reason, forge = FORGED[name]
    before = world.refusals(reason)
    answer = ask(door, brand.form(forge(brand)))
    assert (answer.status_code, answer.json()) == (401, world.REFUSAL)
    assert answer["Cache-Control"] == "no-store"
    assert world.refusals(reason) == before + 1
    assert not AccessToken.objects.exists()
    assert not SeenAssertion.objects.exists()


@pytest.mark.rule("clocks may differ by ten seconds", "FAPI 2.0, 5.3.2.1")
@pytest.mark.parametrize(
    "forge",
    [
        _at(exp=-8, iat=-60), _at(exp=305, iat=8), _at(iat=8), _at(nbf=8), _claims(iat=...),
        _at(exp=60.5), _claims(x="more"), _claims(jti="x" * 128),
    ],
)  # fmt: skip
def test_an_honest_clock_may_be_off_a_little(
    forge: Callable[[Brand], str], door: Browser, brand: Brand
) -> None:
    assert ask(door, brand.form(forge(brand))).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": ...}, {"typ": "jwt"}, {"typ": "client-authentication+jwt"},
        {"typ": "application/client-authentication+jwt"}, {"kid": ...}, {"x5t": "abc"}, {"cty": "x"},
    ],
)  # fmt: skip
def test_headers_that_standard_libraries_send_are_taken(
    changes: dict[str, Any], door: Browser, brand: Brand
) -> None:
    assertion = compact(brand.header(**changes), brand.claims(), brand.key)
    assert ask(door, brand.form(assertion)).status_code == 200


def test_with_two_keys_the_kid_must_say_which(door: Browser, brand: Brand) -> None:
    second = new_key()
    brand.client.jwks["keys"].append(world.public_jwk(second, "k2"))
    brand.client.save()
    by_second = compact(brand.header(kid="k2"), brand.claims(), second)
    nameless = compact(brand.header(kid=...), brand.claims(), second)
    crossed = compact(brand.header(kid="k1"), brand.claims(), second)
    assert ask(door, brand.form(by_second)).status_code == 200
    assert ask(door, brand.form(nameless)).json() == world.REFUSAL
    assert ask(door, brand.form(crossed)).json() == world.REFUSAL


@pytest.mark.rule("jti is spent once", "RFC 7523, 3; issue: the negative table")
def test_the_same_assertion_twice_works_once(door: Browser, brand: Brand) -> None:
    assertion = brand.assertion()
    before = world.refusals("replayed")
    assert ask(door, brand.form(assertion)).status_code == 200
    assert ask(door, brand.form(assertion)).json() == world.REFUSAL
    assert world.refusals("replayed") == before + 1
    assert AccessToken.objects.count() == 1


def test_two_clients_may_use_the_same_jti(door: Browser, brand: Brand) -> None:
    other = world.register()
    assert ask(door, brand.form(brand.assertion(jti="one"))).status_code == 200
    assert ask(door, other.form(other.assertion(jti="one"))).status_code == 200


def test_another_assertion_may_not_reuse_a_jti(door: Browser, brand: Brand) -> None:
    assert ask(door, brand.form(brand.assertion(jti="one"))).status_code == 200
    assert ask(door, brand.form(brand.assertion(jti="one", exp=int(NOW()) + 90))).status_code == 401


def test_a_spent_assertion_is_remembered_for_as_long_as_it_would_be_accepted(
    door: Browser, brand: Brand
) -> None:
    exp = int(NOW()) + 60
    ask(door, brand.form(brand.assertion(exp=exp)))
    assert SeenAssertion.objects.get().expires_at.timestamp() == exp + 10


def test_an_assertion_of_one_client_does_not_open_for_another(door: Browser, brand: Brand) -> None:
    other = world.register()
    answer = ask(door, brand.form(brand.assertion(), client_id=other.client.client_id))
    assert answer.json() == world.REFUSAL
    crossed = brand.assertion(iss=other.client.client_id, sub=other.client.client_id)
    assert ask(door, brand.form(crossed)).json() == world.REFUSAL


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda client: type(client).objects.update(revoked_at=timezone.now()), "client_revoked"),
        (lambda client: type(client.partner).objects.update(suspended_at=timezone.now()), "partner_suspended"),
        (lambda client: type(client.partner).objects.update(deregistered_at=timezone.now()), "partner_deregistered"),
    ],
)  # fmt: skip
def test_who_was_shut_out_gets_no_token_that_leads_to_a_customer(
    change: Callable[[Any], Any], reason: str, door: Browser, brand: Brand
) -> None:
    change(brand.client)
    before = world.refusals(reason)
    assert ask(door, brand.form(grant_id=str(uuid4()))).json() == world.REFUSAL
    assert world.refusals(reason) == before + 1


def test_a_revoked_client_gets_no_token_at_all(door: Browser, brand: Brand) -> None:
    type(brand.client).objects.update(revoked_at=timezone.now())
    assert ask(door, brand.form()).json() == world.REFUSAL


def test_nothing_of_a_refused_assertion_is_logged(
    door: Browser, brand: Brand, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    forged = brand.assertion(aud="https://secret-place.example")
    ask(door, brand.form(forged, state="secret-state"))
    written = caplog.text + "".join(capfd.readouterr())
    assert "audience_wrong" in written
    assert forged not in written
    assert "secret" not in written


def test_base64_of_the_helper_is_what_the_standard_says() -> None:
    assert b64(b"\xfb\xff") == base64.urlsafe_b64encode(b"\xfb\xff").decode().rstrip("=")
