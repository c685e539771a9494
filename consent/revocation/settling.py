"""Writes down what came of attempts, in one transaction for all that has come back."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.log import Draft
from audit.types import EntryType
from consent.models import Delivery, Partner
from consent.revocation import channels, entries, obligations, schedule
from consent.revocation.events import Claimed
from consent.revocation.faults import point
from consent.revocation.sending import Outcome

BATCH = 200
# The columns that a failed attempt may change.
_FAILED = ("last_outcome", "leased_until", "lease_token", "due_at", "escalated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one claim."""

    claimed: Claimed
    outcome: Outcome


def record(results: Sequence[Result]) -> int:
    """Write down what came of some attempts; return how many of them still counted.

    Only where the lease is still the one under which it was sent: a worker that was thought
    dead, and whose event somebody else has claimed since, changes nothing.
    """
    with transaction.atomic():
        point("deliveries.recording")
        now = timezone.now()
        held = _held(results)
        drafts = _settle_all(held, now)
        point("deliveries.noted")
        _note_channels(held, now)
        entries.append_many(drafts)
        point("deliveries.entered")
    point("deliveries.recorded")
    return len(held)


def answer(partner: Partner, outcomes: Mapping[uuid.UUID, Outcome]) -> int:
    """Write down what a partner says of events that it fetched; return how many that changed.

    Only of its own that it was given and that are not settled. No lease is asked for: late is
    as good as in time, and twice is once.
    """
    if not outcomes:
        return 0
    with transaction.atomic():
        now = timezone.now()
        mine = Delivery.objects.unsettled().filter(
            partner=partner, pk__in=list(outcomes), attempts__gt=0
        )
        rows = _loaded(mine.select_for_update(of=("self",)).order_by("pk"))
        held = [(delivery, outcomes[delivery.pk]) for delivery in rows]
        entries.append_many(_settle_all(held, now))
        point("polling.answered")
    return len(held)


def _settle_all(held: Sequence[tuple[Delivery, Outcome]], now: datetime) -> list[Draft]:
    """Write what came of some attempts, with what the accepted ones acknowledge."""
    drafts = [draft for delivery, outcome in held for draft in _settle(delivery, outcome, now)]
    _write(held, now)
    accepted = [delivery for delivery, outcome in held if outcome.accepted]
    return drafts + obligations.acknowledge(accepted, now)


def escalate_stale(now: datetime | None = None) -> int:
    """Escalate events that are older than the schedule, however few attempts were possible.

    A partner without an endpoint, or with one that is gone, is not attempted at all.
    """
    now = now or timezone.now()
    old = Delivery.objects.unsettled().filter(
        escalated_at=None, happened_at__lte=now - schedule.ESCALATE_AFTER
    )
    with transaction.atomic():
        stale = list(_loaded(old.select_for_update(of=("self",)).order_by("pk"))[:BATCH])
        for delivery in stale:
            delivery.escalated_at = now
            delivery.save(update_fields=["escalated_at"])
        entries.append_many([_escalation(delivery) for delivery in stale])
    return len(stale)


def put_aside(broken: Sequence[uuid.UUID], now: datetime) -> None:
    """Escalate rows that nobody can send, so that one of them never stops the others."""
    if not broken:
        return
    unreadable = Outcome(code="unreadable", hopeless=True)
    held = [(each, unreadable) for each in _loaded(Delivery.objects.filter(pk__in=broken))]
    drafts = [draft for each, outcome in held for draft in _settle(each, outcome, now)]
    _write(held, now)
    entries.append_many(drafts)


def _held(results: Iterable[Result]) -> list[tuple[Delivery, Outcome]]:
    """Return the deliveries whose lease still stands, locked, with what came of them."""
    by_id = {result.claimed.event.id: result for result in results}
    rows = Delivery.objects.unsettled().filter(pk__in=by_id).order_by("pk")
    return [
        (delivery, by_id[delivery.pk].outcome)
        for delivery in _loaded(rows.select_for_update(of=("self",)))
        if delivery.lease_token == by_id[delivery.pk].claimed.token
    ]


def _loaded(rows: "QuerySet[Delivery]") -> "QuerySet[Delivery]":
    return rows.select_related("partner", "grant__pod__owner")


def _settle(delivery: Delivery, outcome: Outcome, now: datetime) -> list[Draft]:
    """Set on a row what came of its attempt; return the entries that it deserves."""
    if outcome.accepted:
        return [_entry(EntryType.DELIVERY_SENT, delivery, outcome="ok")]
    delivery.last_outcome = outcome.code
    delivery.leased_until = delivery.lease_token = None
    delivery.due_at = now + _wait(delivery, outcome)
    if delivery.escalated_at is not None or not _is_over(delivery, outcome, now):
        return []
    delivery.escalated_at = now
    return [_escalation(delivery)]


def _write(held: Sequence[tuple[Delivery, Outcome]], now: datetime) -> None:
    """Write the rows back: those that arrived, nearly all of them, with one short statement."""
    arrived = [delivery.pk for delivery, outcome in held if outcome.accepted]
    Delivery.objects.filter(pk__in=arrived).update(
        delivered_at=now, last_outcome="accepted", leased_until=None, lease_token=None
    )
    failed = [delivery for delivery, outcome in held if not outcome.accepted]
    Delivery.objects.bulk_update(failed, _FAILED)


def _wait(delivery: Delivery, outcome: Outcome) -> timedelta:
    if outcome.hopeless:
        return schedule.AFTER_THAT
    return schedule.next_wait(delivery.attempts, outcome.retry_after)


def _is_over(delivery: Delivery, outcome: Outcome, now: datetime) -> bool:
    return outcome.hopeless or now - delivery.happened_at >= schedule.ESCALATE_AFTER


def _escalation(delivery: Delivery) -> Draft:
    return _entry(
        EntryType.DELIVERY_FAILED,
        delivery,
        outcome="failed",
        reason=delivery.last_outcome or "not-attempted",
    )


def _entry(entry_type: EntryType, delivery: Delivery, **fields: str) -> Draft:
    detail = {"event": delivery.event_type, "attempts": delivery.attempts}
    return entries.of_delivery(entry_type, delivery, detail=detail, **fields)


def _note_channels(held: Iterable[tuple[Delivery, Outcome]], now: datetime) -> None:
    by_partner: defaultdict[Partner, list[Outcome]] = defaultdict(list)
    for delivery, outcome in held:
        by_partner[delivery.partner].append(outcome)
    channels.note(by_partner, now)
