"""Events to brands: security event tokens (SET, RFC 8417), one event each, signed ES256.

A SET of ours is evidence: anybody with our JWKS can check it years later. So it names no
person, only the pairwise id under which that one brand knows the owner, and it has neither
`sub` nor `exp` (OpenID Shared Signals Framework 1.0 section 4).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from joserfc import jwt
from joserfc.jwk import ECKey

from consent import digests
from keys.keyring import keyring

MEDIA_TYPE = "application/secevent+jwt"
SSF_VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"


class EventType(StrEnum):
    """What a brand can be told. docs/decisions/0004-deliveries.md lists the claims of each."""

    GRANT_GIVEN = "grant-given"
    GRANT_NARROWED = "grant-narrowed"
    GRANT_PAUSED = "grant-paused"
    GRANT_RESUMED = "grant-resumed"
    GRANT_SUSPENDED = "grant-suspended"
    GRANT_REINSTATED = "grant-reinstated"
    GRANT_WITHDRAWN = "grant-withdrawn"
    GRANT_REVOKED = "grant-revoked"
    GRANT_EXPIRED = "grant-expired"
    GRANT_CONSUMED = "grant-consumed"
    GRANT_SUPERSEDED = "grant-superseded"
    GRANT_INVALIDATED = "grant-invalidated"
    GRANTS_ENDED = "grants-ended"  # one act ended several grants of this partner
    RETENTION_WITHDRAWN = "retention-withdrawn"  # copies that could stay have to go after all
    ITEM_ENDED = "item-ended"
    REQUEST_APPROVED = "request-approved"
    REQUEST_CLOSED = "request-closed"
    VERIFICATION = "verification"

    @property
    def uri(self) -> str:
        """The name of this event in `events`: ours, but for the one that SSF already names."""
        if self is EventType.VERIFICATION:
            return SSF_VERIFICATION
        return f"{settings.ORIGIN}/secevent/event-type/{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as it is owed: all that a SET says, but when it was signed."""

    id: UUID  # the delivery's own id: the same at every attempt, so twice is once at the brand
    partner: UUID
    type: EventType
    happened_at: datetime
    subject: str  # how this brand, and only this brand, knows whom it is about
    action: str  # one act of one person; each brand gets a name of its own for it
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One event and where to send it, with the lease under which this worker may."""

    event: Event
    endpoint: str
    token: UUID


def build_set(event: Event, *, now: float | None = None) -> str:
    """Return the compact JWS of an event, signed with the vault's key of this moment."""
    key = keyring().signing_key()
    header = {"alg": "ES256", "typ": "secevent+jwt", "kid": key["kid"]}
    return jwt.encode(header, claims_of(event, now=now), ECKey.import_key({**key}), ["ES256"])


def claims_of(event: Event, *, now: float | None = None) -> dict[str, Any]:
    """Return the claims of the SET (RFC 8417 section 2.2)."""
    return {
        "iss": settings.ORIGIN,
        "aud": str(event.partner),
        "iat": int(time.time() if now is None else now),
        "jti": str(event.id),
        "txn": _transaction(event),
        "toe": int(event.happened_at.timestamp()),
        "sub_id": {"format": "opaque", "id": event.subject},
        "events": {event.type.uri: dict(event.payload)},
    }


def _transaction(event: Event) -> str:
    # One customer's act reaches many brands. With one name for it at all of them, two brands
    # could find out that they share a customer; so each gets its own.
    return digests.keyed("txn", event.partner.bytes, event.action).hex()[:32]
