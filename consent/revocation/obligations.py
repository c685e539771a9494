"""What a partner owes the owner after an end: destroy the copies, and say so, signed (consent.md 8)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit import log
from audit.log import Draft
from audit.types import EntryType
from consent.actors import Actor
from consent.exceptions import SecondPersonNeeded
from consent.models import Delivery, Obligation, Partner
from consent.models.obligations import ObligationQuerySet
from consent.revocation import bars, entries
from consent.revocation.owing import drafts, open_all, open_for, was_read, would_owe

__all__ = [
    "abandon", "acknowledge", "asked", "drafts", "hold", "need_two", "open_all", "open_for", "open_of",
    "owed_by", "state", "was_read", "would_owe",
]  # fmt: skip


def acknowledge(delivered: Sequence[Delivery], now: datetime) -> list[Draft]:
    """Mark what some accepted events told of as told and acknowledged; return the entries.

    An endpoint that answers 202 has validated the event and stored it (RFC 8935 2.2).
    """
    told = [
        one["id"] for each in delivered for one in each.claims["payload"].get("obligations", ())
    ]
    if not told:
        return []
    waiting = list(
        Obligation.objects.filter(pk__in=told, acknowledged_at=None)
        .select_for_update(of=("self",))
        .select_related("grant__pod__owner")
        .order_by("pk")
    )
    Obligation.objects.filter(pk__in=[one.pk for one in waiting]).update(
        told_at=Coalesce("told_at", Value(now)), acknowledged_at=now
    )
    return [
        entries.of_obligation(EntryType.OBLIGATION_ACKNOWLEDGED, one, outcome="ok")
        for one in waiting
    ]


def hold(obligation_id: UUID) -> Obligation:
    """Return an obligation, locked for the rest of the transaction, with whom it is about."""
    return (
        Obligation.objects.select_for_update(of=("self",))
        .select_related("grant__pod__owner", "partner")
        .get(pk=obligation_id)
    )


def owed_by(partner: Partner) -> ObligationQuerySet:
    """Return what a partner still owes, the most urgent first, with what its state tells."""
    owed = Obligation.objects.open().filter(partner=partner).order_by("due_at", "pk")
    return owed.select_related("grant").prefetch_related("attestations")


def open_of(partner: Partner) -> list[dict[str, Any]]:
    """Return what a partner still owes, the most urgent first, as it may see it."""
    return [state(one) for one in owed_by(partner)]


@transaction.atomic
def abandon(obligation: Obligation, reason: str, *, first: Actor, second: Actor) -> bool:
    """Give an obligation up, for a reason, by two persons; return whether this call did it (8.2)."""
    need_two(first, second)
    unsettled = Obligation.objects.open().filter(pk=obligation.pk)
    if not unsettled.update(abandoned_at=timezone.now(), abandoned_reason=reason[:200]):
        return False
    held = hold(obligation.pk)
    log.append_many(
        [
            entries.of_obligation(
                EntryType.OBLIGATION_ABANDONED,
                held,
                role=actor.role,
                account=actor.account,
                detail={"reason": reason[:200]},
            )
            for actor in (first, second)
        ]
    )
    bars.lift(held.partner_id)
    return True


def need_two(first: Actor, second: Actor) -> None:
    """Pass if two different people agree. Raises `SecondPersonNeeded`."""
    if not first.account or not second.account or first.account == second.account:
        raise SecondPersonNeeded


def state(obligation: Obligation) -> dict[str, Any]:
    """Return an obligation as its partner sees it. No person; the grant by the id it knows."""
    said = {one["category"] for word in obligation.attestations.all() for one in word.outcomes}
    return {
        "id": str(obligation.pk),
        "grant": str(obligation.grant_id),
        "holder": obligation.holder,
        "categories": obligation.categories,
        "open_categories": sorted(set(obligation.categories) - said),
        "opened_at": _text(obligation.opened_at),
        "due_at": _text(obligation.due_at),
        "acknowledged_at": _text(obligation.acknowledged_at),
        "attested_at": _text(obligation.attested_at),
        **asked(obligation),
    }


def asked(obligation: Obligation) -> dict[str, bool]:
    """Return what the partner is told where its owner chose that the copies are deleted."""
    return {"deletion_only": True} if obligation.deletion_only else {}


def _text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
