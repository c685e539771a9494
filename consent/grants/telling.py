"""Owes partners the news of what happened to grants: one event each, or one for many ends at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from consent.models import Delivery, Grant, GrantItem, Obligation
from consent.revocation import deliveries
from consent.revocation.deliveries import Owed
from consent.revocation.events import EventType

# Endings in one event. Its SET stays well below what an endpoint takes in one piece.
MOST_ENDINGS = 50
_EVENTS = {
    Grant.EndKind.WITHDRAWN: EventType.GRANT_WITHDRAWN,
    Grant.EndKind.REVOKED: EventType.GRANT_REVOKED,
    Grant.EndKind.EXPIRED: EventType.GRANT_EXPIRED,
    Grant.EndKind.CONSUMED: EventType.GRANT_CONSUMED,
    Grant.EndKind.SUPERSEDED: EventType.GRANT_SUPERSEDED,
    Grant.EndKind.INVALIDATED: EventType.GRANT_INVALIDATED,
}


def of_ends(
    ended: Sequence[Grant],
    kind: Grant.EndKind,
    reason: str,
    at: datetime,
    owed: Mapping[UUID, list[Obligation]],
) -> None:
    """Owe the news of these ends, those of one partner gathered, with one statement."""
    alone, together = _sorted_out(ended)
    action = uuid4().hex
    said = _said(at, reason)
    events = [
        _one(
            grant,
            _EVENTS[kind],
            {**said, "partner_ref": grant.request.partner_ref, **kept(grant)},
            owed.get(grant.pk, ()),
            action,
        )
        for grant in alone
    ]
    events += [
        _many(batch, {"kind": kind.value, **said}, owed, action)
        for gathered in together
        for batch in _batches(gathered)
    ]
    deliveries.enqueue_all(events)


def of_each(changed: Iterable[Grant], event_type: EventType) -> None:
    """Owe one event for each grant, without any claim but grant and epoch."""
    action = uuid4().hex
    deliveries.enqueue_all([_one(grant, event_type, {}, (), action) for grant in changed])


def of_items(
    ended: Mapping[Grant, Sequence[GrantItem]], owed: Mapping[UUID, list[Obligation]]
) -> None:
    """Owe the news of items that ended while their grants go on; the first says what is owed."""
    action = uuid4().hex
    deliveries.enqueue_all(
        _one(
            grant,
            EventType.ITEM_ENDED,
            {"category": item.category, "action": item.action},
            () if place else owed.get(grant.pk, ()),
            action,
        )
        for grant, items in ended.items()
        for place, item in enumerate(items)
    )


def of_recall(grant: Grant, at: datetime, owed: Sequence[Obligation]) -> None:
    """Owe the news that copies which the partner could keep have to go after all."""
    said = {"withdrawn_at": at.isoformat(), "partner_ref": grant.request.partner_ref}
    action = uuid4().hex
    deliveries.enqueue_all([_one(grant, EventType.RETENTION_WITHDRAWN, said, owed, action)])


def kept(grant: Grant) -> dict[str, bool]:
    """Return what the news of an end says where the owner lets the partner keep its copies."""
    return {} if grant.kept_by_consent_at is None else {"kept_by_consent": True}


def _sorted_out(ended: Sequence[Grant]) -> tuple[list[Grant], list[list[Grant]]]:
    """Return the grants that need an event of their own, and those of one partner together.

    An event about many grants waits for none. So a grant whose earlier news is still on its
    way gets one of its own, which does: its partner must not hear of the end first.
    """
    by_partner: defaultdict[UUID, list[Grant]] = defaultdict(list)
    for grant in ended:
        by_partner[grant.partner_id].append(grant)
    several = [grant.pk for some in by_partner.values() if len(some) > 1 for grant in some]
    waiting = Delivery.objects.unsettled().filter(grant__in=several, escalated_at=None)
    untold = set(waiting.values_list("grant_id", flat=True)) if several else set()
    alone: list[Grant] = []
    together: list[list[Grant]] = []
    for some in by_partner.values():
        told = [grant for grant in some if grant.pk not in untold]
        if len(told) > 1:
            together.append(told)
            alone += [grant for grant in some if grant.pk in untold]
        else:
            alone += some
    return alone, together


def _batches(gathered: Sequence[Grant]) -> list[Sequence[Grant]]:
    return [
        gathered[start : start + MOST_ENDINGS] for start in range(0, len(gathered), MOST_ENDINGS)
    ]


def _one(
    grant: Grant,
    event_type: EventType,
    payload: Mapping[str, Any],
    owed: Sequence[Obligation],
    action: str,
) -> Owed:
    return Owed(
        partner=grant.partner,
        grant=grant,
        type=event_type,
        payload=payload,
        obligations=tuple(owed),
        epoch=grant.epoch,
        action=action,
    )


def _many(
    batch: Sequence[Grant],
    said: Mapping[str, Any],
    owed: Mapping[UUID, list[Obligation]],
    action: str,
) -> Owed:
    endings = [
        {
            "subject": grant.pairwise,
            "grant": str(grant.pk),
            "epoch": grant.epoch,
            "partner_ref": grant.request.partner_ref,
            **kept(grant),
        }
        for grant in batch
    ]
    return Owed(
        partner=batch[0].partner,
        type=EventType.GRANTS_ENDED,
        payload={**said, "endings": endings},
        obligations=tuple(one for grant in batch for one in owed.get(grant.pk, ())),
        action=action,
    )


def _said(at: datetime, reason: str) -> dict[str, Any]:
    return {"ended_at": at.isoformat()} | ({"reason": reason} if reason else {})
