"""The outbox: an event is stored with the change it tells of, then sent until it arrives.

The row is the truth and a broker only a hurry. A worker claims rows for LEASE; one that dies
gives them back by doing nothing. What it found out is written only while its lease still
stands, so of two workers that send the same event one counts.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import inserting
from consent.actors import Actor
from consent.models import Delivery, Grant, Obligation, Partner
from consent.revocation import channels, entries, obligations
from consent.revocation.events import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One event that a change owes to one partner."""

    partner: Partner
    type: EventType
    grant: Grant | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    obligations: tuple[Obligation, ...] = ()
    epoch: int = 0  # orders the events of one grant
    action: str = ""  # names the act that several events tell of; empty: an act of its own


def enqueue(
    partner: Partner,
    grant: Grant | None,
    event_type: str,
    claims: Mapping[str, Any],
    *,
    obligation: Obligation | Iterable[Obligation] | None = None,
    epoch: int = 0,
    action: str = "",
) -> Delivery:
    """Owe a partner one event, once the caller's transaction commits. Touches no network.

    `claims` are the event's own; the grant, its epoch and what the partner must now do with
    its copies are added here. No person and no pod value may stand in them.
    """
    owed = (obligation,) if isinstance(obligation, Obligation) else tuple(obligation or ())
    return enqueue_all(
        [
            Owed(
                partner=partner,
                grant=grant,
                type=EventType(event_type),
                payload=claims,
                obligations=owed,
                epoch=epoch or (grant.epoch if grant else 0),
                action=action,
            )
        ]
    )[0]


def enqueue_all(owed: Iterable[Owed]) -> list[Delivery]:
    """Owe many events with one statement, for what changes many grants at once."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an event is owed inside its transaction")
    now = timezone.now()
    return inserting.insert_all(
        Delivery,
        (
            Delivery(
                partner=one.partner,
                grant=one.grant,
                obligation=one.obligations[0] if one.obligations else None,
                event_type=one.type,
                claims=_claims(one),
                epoch=one.epoch,
                happened_at=now,
                due_at=now,
            )
            for one in owed
        ),
    )


def _claims(owed: Owed) -> dict[str, Any]:
    payload = dict(owed.payload)
    if owed.grant is not None:
        payload |= {"grant": str(owed.grant.pk), "epoch": owed.epoch}
    if owed.obligations:
        payload["obligations"] = [
            {
                "id": str(one.pk),
                **({} if owed.grant else {"grant": str(one.grant_id)}),
                "holder": one.holder,
                "categories": one.categories,
                "due_at": one.due_at.isoformat(timespec="seconds"),
                **obligations.asked(one),
            }
            for one in owed.obligations
        ]
    subject = owed.grant.pairwise if owed.grant else payload.get("request", str(owed.partner.pk))
    # The name of the act leaves here only as a keyed hash of its own for each partner.
    action = owed.action or (f"{owed.grant.ref}:{owed.epoch}" if owed.grant else "")
    return {"subject": subject, "action": action, "payload": payload}


def ping(partner: Partner) -> Delivery:
    """Owe a partner the verification event, and try its endpoint again whatever happened before."""
    with transaction.atomic():
        channels.reopen(partner)
        return enqueue(partner, None, EventType.VERIFICATION, {"state": secrets.token_hex(16)})


def redeliver(delivery: Delivery) -> None:
    """Try an event that is not settled again at once, whatever its schedule and channel say."""
    with transaction.atomic():
        channels.reopen(delivery.partner)
        Delivery.objects.unsettled().filter(pk=delivery.pk).update(due_at=timezone.now())


@transaction.atomic
def abandon(delivery: Delivery, reason: str, *, first: Actor, second: Actor) -> bool:
    """Stop trying, for a reason, by two persons; return whether this call did it (8.2)."""
    obligations.need_two(first, second)
    changed = Delivery.objects.unsettled().filter(pk=delivery.pk)
    if not changed.update(abandoned_at=timezone.now(), abandoned_reason=reason[:200]):
        return False
    for actor in (first, second):
        log.append(
            entries.of_delivery(
                EntryType.DELIVERY_ABANDONED,
                delivery,
                role=actor.role,
                account=actor.account,
                detail={"reason": reason[:200]},
            )
        )
    return True
