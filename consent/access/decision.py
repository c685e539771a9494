"""The one decision: may this partner's call be answered, now? Pure: facts and a moment in, a reason out.

Every door asks here (consent.md, section 6). The guard confirms the answer under locks,
by the epochs of the two rows that these facts were read from.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from consent.exceptions import (
    AccessRefused,
    GrantEnded,
    GrantPaused,
    LevelTooLow,
    NotGranted,
    NotStarted,
    PartnerSuspended,
    PurposeMismatch,
    TokenRefused,
    UnknownThing,
)

# The lowest level of a client that may touch a class of data (2.2).
LEVEL_NEEDED = {"general": 1, "location": 1, "sensitive": 2, "unique_id": 2}
# From this level on a token counts only beside a proof of the key that it is bound to (RFC 9449).
LEVEL_OF_PROOF = 2


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """Who is calling."""

    id: UUID
    ref: str
    level: int
    revoked_at: datetime | None
    token_expires_at: datetime
    token_killed_at: datetime | None
    # The key that the token is bound to, "" for a bearer token; None where the door has looked.
    token_jkt: str | None = None
    token_grant: UUID | None = None  # the only grant that the token is for; None: any
    client_id: str = ""  # its name at the door, which its answers are bound to
    sealing_key: dict[str, Any] | None = None  # answers are sealed to it; None: they come in clear


@dataclass(frozen=True, slots=True)
class PartnerFacts:
    """For whom the client calls."""

    id: UUID
    ref: str
    epoch: int
    suspended_at: datetime | None
    deregistered_at: datetime | None


class Standing(Protocol):
    """How a partner stands with the house: its facts, or its row."""

    @property
    def suspended_at(self) -> datetime | None:
        """Since when it is suspended."""

    @property
    def deregistered_at(self) -> datetime | None:
        """Since when it is struck off."""


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """What the owner agreed to."""

    id: UUID
    ref: str
    epoch: int
    purpose: str
    valid_from: datetime
    expires_at: datetime
    bound_ends_at: datetime | None
    paused_at: datetime | None
    suspended_at: datetime | None
    ended_at: datetime | None
    frequency: dict[str, Any] | None
    zone: str
    data_range: dict[str, Any] | None
    access_mode: str
    retention: Any
    key_id: UUID | None

    @property
    def stops_at(self) -> datetime:
        """When the clock stops it."""
        return min(self.expires_at, self.bound_ends_at or self.expires_at)


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """The granted item that covers the category and action of the call."""

    fields: tuple[str, ...] | None  # None: all
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class PodFacts:
    """Whose data it is. `person` stands in details only, never in a leaf."""

    id: UUID
    ref: str
    person: str
    paused_at: datetime | None
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that an answer depends on, read in one query and without a lock."""

    client: ClientFacts
    partner: PartnerFacts
    grant: GrantFacts | None
    item: ItemFacts | None
    pod: PodFacts | None
    category_classes: frozenset[str] | None  # None: no such category


def decide(
    facts: Facts,
    now: datetime,
    *,
    purpose: str,
    fields: tuple[str, ...] | None,
    proof_jkt: str = "",
) -> AccessRefused | TokenRefused | UnknownThing | None:
    """Return why the call is refused, or None for yes.

    `proof_jkt` is the key that the caller proved to hold; "" where it showed a bearer token.
    Who calls is judged first, then what it may know to exist, then what it may have: a stranger
    learns nothing from the order (6.5). A budget is counted by the guard, in the same statement
    as the entry.
    """
    return _caller(facts, now, proof_jkt) or _grant(facts, now, purpose) or _item(facts, fields)


def is_used_as_bound(token_jkt: str, proof_jkt: str, level: int) -> bool:
    """Return whether a token came as it was issued: beside its key, or on level 1 by itself.

    A bound token by itself may be stolen; an unbound one beside a proof proves nothing.
    """
    return token_jkt == proof_jkt and (bool(token_jkt) or level < LEVEL_OF_PROOF)


def is_answered(partner: Standing, *, settling: bool = False) -> bool:
    """Return whether a partner is answered at all.

    One that is suspended or struck off is not, except in `settling` what it owes (consent.md, 8):
    it must still hear of the ends and say, signed, what became of its copies.
    """
    return settling or not (partner.suspended_at or partner.deregistered_at)


def _caller(facts: Facts, now: datetime, proof_jkt: str) -> AccessRefused | TokenRefused | None:
    client, partner = facts.client, facts.partner
    if client.token_killed_at or client.revoked_at or client.token_expires_at <= now:
        return TokenRefused()
    if client.token_jkt is not None and not is_used_as_bound(
        client.token_jkt, proof_jkt, client.level
    ):
        return TokenRefused()
    if not is_answered(partner):
        return PartnerSuspended()
    return None


def _grant(facts: Facts, now: datetime, purpose: str) -> AccessRefused | UnknownThing | None:
    grant, pod = facts.grant, facts.pod
    if grant is None or pod is None or facts.client.token_grant not in (None, grant.id):
        return UnknownThing()
    if grant.purpose != purpose:
        return PurposeMismatch()
    if grant.ended_at or pod.erased_at or grant.stops_at <= now:
        return GrantEnded(grant.ended_at or grant.stops_at)
    if grant.paused_at or grant.suspended_at or pod.paused_at:
        return GrantPaused()
    if grant.valid_from > now:
        return NotStarted()
    return None


def _item(facts: Facts, fields: tuple[str, ...] | None) -> AccessRefused | None:
    item = facts.item
    if item is None or item.ended_at or facts.category_classes is None:
        return NotGranted()
    if item.fields is not None and fields is not None and not set(fields) <= set(item.fields):
        return NotGranted()
    if facts.client.level < max(LEVEL_NEEDED[class_] for class_ in facts.category_classes):
        return LevelTooLow()
    return None
