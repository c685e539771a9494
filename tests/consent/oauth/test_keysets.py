"""Which keys a client may register."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from consent import partners
from consent.oauth import keysets
from consent.oauth.exceptions import KeySetInvalid
from tests.consent.oauth.world import (
    new_key,
    number,
    private_jwk,
    public_jwk,
    register,
    with_changes,
)


def _set(*keys: Any) -> dict[str, Any]:
    return {"keys": list(keys)}


def _key(kid: str = "k1", **changes: Any) -> dict[str, Any]:
    return with_changes(public_jwk(new_key(), kid), changes)


def _p384() -> dict[str, Any]:
    point = new_key(ec.SECP384R1()).public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-384",
        "x": number(point.x, 48),
        "y": number(point.y, 48),
        "kid": "k",
    }


REFUSED = {
    "nothing": None,
    "a list": [],
    "no keys member": {},
    "keys no list": {"keys": {}},
    "no key": _set(),
    "six keys": _set(*(_key(f"k{n}") for n in range(6))),
    "a key no object": _set("key"),
    "a private key": _set(private_jwk(new_key())),
    "a private member that is empty": _set(_key(d="")),
    "a symmetric key": _set({"kty": "oct", "k": "AAAA", "kid": "k1"}),
    "an RSA key": _set({"kty": "RSA", "n": "AAAA", "e": "AQAB", "kid": "k1"}),
    "an Ed25519 key": _set({"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "kid": "k1"}),
    "another curve": _set(_p384()),
    "the curve of a coin": _set(_key(crv="secp256k1")),
    "for encryption": _set(_key(use="enc")),
    "for ES512": _set(_key(alg="ES512")),
    "for signing": _set(_key(key_ops=["sign"])),
    "no kid": _set(_key(kid=...)),
    "an empty kid": _set(_key(kid="")),
    "a kid with a line feed": _set(_key(kid="a\nb")),
    "an endless kid": _set(_key(kid="x" * 129)),
    "a kid twice": _set(_key("k1"), _key("k1")),
    "off the curve": _set(_key(y="A" * 43)),
    "the origin": _set(_key(x="A" * 43, y="A" * 43)),
    "a short coordinate": _set(_key(x="AAAA")),
    "no coordinate": _set(_key(y=...)),
    "no base64": _set(_key(y="*" * 43)),
    "a number as coordinate": _set(_key(x=7)),
}


@pytest.mark.rule("EC P-256 public keys only, five at most, each with its kid", "issue, item 5")
@pytest.mark.parametrize("name", REFUSED)
def test_other_keys_cannot_be_registered(name: str) -> None:
    with pytest.raises(KeySetInvalid) as refused:
        keysets.validated(REFUSED[name])
    assert "AAAA" not in str(refused.value)


def test_the_same_key_under_two_names_is_refused() -> None:
    key = new_key()
    with pytest.raises(KeySetInvalid, match="twice"):
        keysets.validated(_set(public_jwk(key, "a"), public_jwk(key, "b")))


def test_five_keys_are_taken_and_only_public_members_are_kept() -> None:
    keys = [_key(f"k{n}", extra="x", x5u="https://evil.example") for n in range(5)]
    kept = keysets.validated(_set(*keys))["keys"]
    assert [key["kid"] for key in kept] == ["k0", "k1", "k2", "k3", "k4"]
    assert all(key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in kept)
    assert all(
        key["x"] == sent["x"] and key["y"] == sent["y"]
        for key, sent in zip(kept, keys, strict=True)
    )


@pytest.mark.django_db
def test_a_client_with_other_keys_is_never_registered() -> None:
    partner = register().client.partner
    facts = {"name_ko": "예약", "name_en": "Booking"}
    with pytest.raises(KeySetInvalid):
        partners.add_client(
            partner, partners.Operator(), jwks={"keys": [private_jwk(new_key())]}, **facts
        )
    keys = {"keys": [public_jwk(new_key()) | {"note": "x"}]}
    client = partners.add_client(partner, partners.Operator(), jwks=keys, **facts)
    assert "note" not in client.jwks["keys"][0]
