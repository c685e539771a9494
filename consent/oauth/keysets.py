"""The public keys that a client may register (RFC 7517), checked once, at the door."""

import base64
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from consent.oauth.exceptions import KeySetInvalid
from vault import resident_numbers

MOST_KEYS = 5  # one in use, one to come, and room for programs that do not share theirs
MOST_KID = 128
# "d" and everything else that a private or symmetric key carries (RFC 7518, section 6).
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
FIXED = {"kty": "EC", "crv": "P-256"}
OPTIONAL = {"use": "sig", "alg": "ES256", "key_ops": ["verify"]}

JWK = dict[str, Any]


def validated(jwks: object) -> dict[str, list[JWK]]:
    """Return the set with nothing but public members in it.

    One to five EC P-256 keys for ES256, each with a `kid` of its own.
    Raises `KeySetInvalid`, which says what is wrong and never repeats a key.
    """
    if not isinstance(jwks, Mapping) or not isinstance(jwks.get("keys"), list):
        raise KeySetInvalid('not a JWK set: {"keys": [...]}')
    keys = jwks["keys"]
    if not 1 <= len(keys) <= MOST_KEYS:
        raise KeySetInvalid(f"between 1 and {MOST_KEYS} keys are needed")
    checked = [_public_key(key) for key in keys]
    if len({key["kid"] for key in checked}) != len(checked):
        raise KeySetInvalid("every key needs a kid of its own")
    if len({(key["x"], key["y"]) for key in checked}) != len(checked):
        raise KeySetInvalid("the same key stands there twice")
    return {"keys": checked}


def with_one_more(jwks: Mapping[str, Any], key: JWK, now: datetime) -> dict[str, list[JWK]]:
    """Return a registered set with a checked key in it. Raises `KeySetInvalid`.

    A key or a name that was ever in it is not taken again.
    """
    if len(live(jwks, now)["keys"]) >= MOST_KEYS:
        raise KeySetInvalid(f"there are {MOST_KEYS} keys already; retire one first")
    for one in jwks["keys"]:
        if one["kid"] == key["kid"]:
            raise KeySetInvalid("every key needs a kid of its own")
        if (one["x"], one["y"]) == (key["x"], key["y"]):
            raise KeySetInvalid("the same key stands there twice")
    return {"keys": [*jwks["keys"], key]}


def live(jwks: Mapping[str, Any], now: datetime) -> dict[str, list[JWK]]:
    """Return the keys of a registered set that prove something at this moment."""
    return {"keys": [key for key in jwks["keys"] if now.timestamp() < retires_at(key)]}


def retires_at(key: JWK) -> float:
    """Return from when on a registered key proves nothing, in seconds since 1970."""
    return float(key.get("exp", math.inf))


def until(key: JWK) -> str:
    """Return the same for people."""
    if "exp" not in key:
        return "in use"
    return f"retired from {datetime.fromtimestamp(key['exp'], UTC).isoformat()}"


def named(jwks: Mapping[str, Any], kid: str) -> JWK:
    """Return the key of this name. Raises `KeySetInvalid`."""
    for key in jwks["keys"]:
        if key["kid"] == kid:
            found: JWK = key
            return found
    raise KeySetInvalid("there is no key of this name")


def reference(key: JWK) -> str:
    """Return by what the log names a key: the beginning of its SHA-256 thumbprint (RFC 7638), in hex."""
    thumbprint = ECKey.import_key(
        {name: key[name] for name in ("kty", "crv", "x", "y")}
    ).thumbprint()
    return base64.urlsafe_b64decode(thumbprint + "=").hex()[:32]


def public_point(key: Mapping[str, Any]) -> JWK:
    """Return the members of a P-256 key that its thumbprint is taken over (RFC 7638).

    Raises `KeySetInvalid` for a private key, another kind of key, or a point that is not on the
    curve.
    """
    if PRIVATE & key.keys():
        raise KeySetInvalid("a private key was sent; make a new pair and keep its private half")
    if any(key.get(name) != value for name, value in FIXED.items()):
        raise KeySetInvalid("only EC keys on P-256 are accepted")
    if any(key.get(name, value) != value for name, value in OPTIONAL.items()):
        raise KeySetInvalid("a key must be for verifying ES256 signatures")
    return FIXED | _point(key)


def _public_key(key: object) -> JWK:
    if not isinstance(key, Mapping):
        raise KeySetInvalid("a key is not an object")
    return public_point(key) | {"use": "sig", "alg": "ES256", "kid": _kid(key)}


def _kid(key: Mapping[str, Any]) -> str:
    kid = key.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= MOST_KID or not kid.isprintable():
        raise KeySetInvalid(f"a key needs a kid of 1 to {MOST_KID} characters")
    if resident_numbers.spans(kid):
        raise KeySetInvalid("a kid may hold no resident registration number")
    return kid


def _point(key: Mapping[str, Any]) -> JWK:
    """Return the coordinates, or raise when the point is not on the curve (RFC 7518, 6.2.1)."""
    coordinates = {name: str(key.get(name)) for name in ("x", "y")}
    if not all(len(value) == 43 for value in coordinates.values()):
        raise KeySetInvalid("a coordinate is not 32 bytes in base64url")
    try:
        imported = ECKey.import_key({**FIXED, **coordinates}).as_dict(private=False)
    except (JoseError, ValueError):
        raise KeySetInvalid("a key is not a point on P-256") from None
    return {name: imported[name] for name in ("x", "y")}
