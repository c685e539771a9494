"""Client assertions: `private_key_jwt` (RFC 7523; audience and typing as RFC 7523bis and FAPI 2.0).

Pure: no database, no clock. Clocks may differ by `TOLERANCE`, either way.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from consent.oauth import signatures
from consent.oauth.exceptions import AssertionRefused, Reason, SignatureRefused
from consent.oauth.signatures import Message

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE = timedelta(minutes=5)
# FAPI 2.0, 5.3.2.1: accept up to 10 s ahead of us, refuse what is more than 60 s ahead.
TOLERANCE = timedelta(seconds=10)
TYPES = frozenset({None, "jwt", "client-authentication+jwt"})
_JTI = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A checked assertion: what must not be seen a second time, and until when."""

    jti: str
    expires_at: datetime


def parse(text: str) -> Message:
    """Return the assertion's parts, unverified; `claimed_client` then says whose keys to take."""
    try:
        return signatures.parse(text)
    except SignatureRefused as refused:
        raise AssertionRefused(refused.reason) from None


def claimed_client(message: Message) -> str:
    """Return the client that the assertion says it speaks for (unverified)."""
    subject = message.claims.get("sub")
    if not isinstance(subject, str) or not subject.isascii() or not subject.isprintable():
        raise AssertionRefused(Reason.SUBJECT)
    return subject


def check(
    message: Message, *, client_id: str, jwks: Mapping[str, Any], issuer: str, now: datetime
) -> Assertion:
    """Return what to remember of an assertion that `client_id` made for us, now.

    Everything but the replay check, which needs the unique row. Raises `AssertionRefused`.
    """
    verify(message, jwks)
    return check_claims(message.claims, client_id=client_id, issuer=issuer, now=now)


def verify(message: Message, jwks: Mapping[str, Any]) -> None:
    """Pass if one of these keys signed it. Raises `AssertionRefused`."""
    try:
        signatures.verify(message, jwks, types=TYPES)
    except SignatureRefused as refused:
        raise AssertionRefused(refused.reason) from None


def check_claims(
    claims: Mapping[str, Any], *, client_id: str, issuer: str, now: datetime
) -> Assertion:
    """Return what to remember of a verified assertion. Raises `AssertionRefused`."""
    _check_names(claims, client_id=client_id, issuer=issuer)
    expires = _check_moments(claims, now.timestamp())
    # Remembered for as long as we would accept it, which is past its end by the tolerance.
    return Assertion(jti=_jti(claims), expires_at=datetime.fromtimestamp(expires, UTC) + TOLERANCE)


def _check_names(claims: Mapping[str, Any], *, client_id: str, issuer: str) -> None:
    if claims.get("iss") != client_id:
        raise AssertionRefused(Reason.ISSUER)
    if claims.get("sub") != client_id:
        raise AssertionRefused(Reason.SUBJECT)
    # One string, our issuer. A list, or the token endpoint's address, would let a server that
    # the client also talks to pass the assertion on to us (FAPI 2.0, 5.3.2.1).
    if claims.get("aud") != issuer:
        raise AssertionRefused(Reason.AUDIENCE)


def _check_moments(claims: Mapping[str, Any], now: float) -> float:
    life, tolerance = LIFE.total_seconds(), TOLERANCE.total_seconds()
    expires = _moment(claims, "exp")
    if expires is None:
        raise AssertionRefused(Reason.EXPIRY_MISSING)
    if expires <= now - tolerance:
        raise AssertionRefused(Reason.EXPIRED)
    issued, not_before = _moment(claims, "iat"), _moment(claims, "nbf")
    if expires > now + life + tolerance or (issued is not None and expires - issued > life):
        raise AssertionRefused(Reason.TOO_LONG)
    if max(issued or 0, not_before or 0) > now + tolerance:
        raise AssertionRefused(Reason.NOT_YET)
    return expires


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate in seconds (RFC 7519, section 2); `None` when it is not there."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AssertionRefused(Reason.MOMENT)
    if not 0 < value < 2**53 or not math.isfinite(value):
        raise AssertionRefused(Reason.MOMENT)
    return float(value)


def _jti(claims: Mapping[str, Any]) -> str:
    value = claims.get("jti")
    if not isinstance(value, str) or not _JTI.fullmatch(value):
        raise AssertionRefused(Reason.JTI)
    return value
