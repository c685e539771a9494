"""Messages that a client signed with a registered key: JWS compact, ES256, and nothing else.

The algorithm is ours, never the header's (RFC 8725, 3.1). The key is one that the client
registered, never one that the message brings along.
"""

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from consent.oauth.exceptions import Reason, SignatureRefused
from vault import strictjson
from vault.exceptions import MalformedJSON

ALGORITHM = "ES256"
MOST_CHARACTERS = 16 * 1024
# A key or a place to fetch one from (RFC 8725, 3.10), and what would change how to verify.
FORBIDDEN = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What stands in a compact JWS. Nothing in it is true before `verify` returned."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def parse(text: str) -> Message:
    """Return the parts of a compact JWS with a JSON object as payload, unverified."""
    if len(text) > MOST_CHARACTERS:
        raise SignatureRefused(Reason.TOO_LARGE)
    segments = text.split(".")
    if len(segments) != 3:
        raise SignatureRefused(Reason.MALFORMED)
    header, payload, _signature = (_decoded(segment) for segment in segments)
    return Message(text=text, header=_object(header), claims=_object(payload))


def parsed_object(segment: str) -> Mapping[str, Any]:
    """Return the JSON object in one segment of a compact JWS. Raises `SignatureRefused`."""
    return _object(_decoded(segment))


def verify(message: Message, jwks: Mapping[str, Any], *, types: Collection[str | None]) -> None:
    """Return when one of `jwks` signed the message and its `typ` is one of `types`.

    `None` in `types` allows a message without `typ`; others are written in lower case.
    Raises `SignatureRefused`.
    """
    header = message.header
    if header.get("alg") != ALGORITHM:
        raise SignatureRefused(Reason.ALGORITHM)
    if FORBIDDEN & header.keys():
        raise SignatureRefused(Reason.HEADER)
    if _type(header) not in types:
        raise SignatureRefused(Reason.TYPE)
    if not is_signed_by(message.text, _key(header, jwks["keys"])):
        raise SignatureRefused(Reason.SIGNATURE)


def is_signed_by(text: str, key: Mapping[str, Any]) -> bool:
    """Return whether a compact JWS carries an ES256 signature by this public key."""
    # Headers that we do not know change nothing (RFC 7515, 4.2); `verify` refuses those that would.
    registry = jws.JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
    try:
        jws.deserialize_compact(text, ECKey.import_key(dict(key)), registry=registry)
    except (JoseError, ValueError):
        return False
    return True


def _key(header: Mapping[str, Any], keys: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the registered key that the header names; without a `kid`, the only one there is."""
    if "kid" not in header and len(keys) == 1:
        return keys[0]
    for key in keys:
        if key["kid"] == header.get("kid") and key["alg"] == ALGORITHM:
            return key
    raise SignatureRefused(Reason.UNKNOWN_KEY)


def _type(header: Mapping[str, Any]) -> str | None:
    value = header.get("typ")
    if value is None and "typ" not in header:
        return None
    if not isinstance(value, str):
        raise SignatureRefused(Reason.TYPE)
    # Media types compare without case, "application/" left out (RFC 7515, 4.1.9).
    return value.lower().removeprefix("application/")


def _decoded(segment: str) -> bytes:
    """Decode base64url without padding; of two spellings of the same bytes one is refused."""
    if not _SEGMENT.fullmatch(segment):
        raise SignatureRefused(Reason.MALFORMED)
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise SignatureRefused(Reason.MALFORMED) from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != segment:
        raise SignatureRefused(Reason.MALFORMED)
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    """Read strictly: of an object that says one thing twice, two readers believe different halves."""
    try:
        value = strictjson.loads(raw)
    except MalformedJSON:
        raise SignatureRefused(Reason.MALFORMED) from None
    if not isinstance(value, dict):
        raise SignatureRefused(Reason.MALFORMED)
    return value
