"""What waits and why, as an operator needs it at night: numbers per brand, and what is stuck."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone

from consent import profiles
from consent.models import Channel, Delivery, Obligation, Partner
from consent.revocation import schedule

# Older than this without an attempt, or without a partner's answer: somebody has to look.
STUCK_AFTER = timedelta(minutes=1)
_NOTHING_OWED = {"obligations": 0, "unacknowledged": 0, "overdue": 0, "flagged": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What one brand has not been told yet, and still owes."""

    partner: Partner
    events: int
    oldest: datetime | None
    attempts: int  # of the event that was tried most often
    escalated: int
    channel: str  # "open", "shut", "gone", "none": no address, "poll": it fetches them itself
    obligations: int
    unacknowledged: int  # for longer than the profile's alarm allows
    overdue: int
    flagged: int  # for the regulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The whole queue."""

    events: int
    due: int
    in_flight: int
    oldest_due: timedelta
    untried: int  # due for longer than STUCK_AFTER and never attempted: no worker is at work
    escalated: int
    obligations: int
    unacknowledged: int  # for longer than the profile's alarm allows (10.2)
    overdue: int


def by_partner(now: datetime | None = None) -> list[Waiting]:
    """Return the brands with something open, those with the oldest event first."""
    now = now or timezone.now()
    events = _events()
    owed = _owed(now)
    channels = Channel.objects.in_bulk()
    partners = Partner.objects.in_bulk({*events, *owed})
    found = [
        Waiting(
            partner=partners[pk],
            channel=_channel(partners[pk], channels.get(pk), now),
            **(events.get(pk) or {"events": 0, "oldest": None, "attempts": 0, "escalated": 0}),
            **(owed.get(pk) or _NOTHING_OWED),
        )
        for pk in partners
    ]
    return sorted(found, key=lambda one: (one.oldest or now, str(one.partner.pk)))


def totals(now: datetime | None = None) -> Totals:
    """Return the numbers of the whole queue, with one query for each table."""
    now = now or timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    due = Q(due_at__lte=now) & free
    seen = Delivery.objects.unsettled().aggregate(
        events=Count("pk"),
        due=Count("pk", filter=due),
        in_flight=Count("pk", filter=Q(leased_until__gt=now)),
        oldest=Min("due_at", filter=due),
        untried=Count("pk", filter=due & Q(attempts=0, due_at__lte=now - STUCK_AFTER)),
        escalated=Count("pk", filter=Q(escalated_at__isnull=False)),
    )
    owed = Obligation.objects.open().aggregate(
        obligations=Count("pk"),
        unacknowledged=Count("pk", filter=_unacknowledged(now)),
        overdue=Count("pk", filter=Q(due_at__lte=now)),
    )
    oldest = seen.pop("oldest")
    return Totals(oldest_due=now - oldest if oldest else timedelta(), **seen, **owed)


def stuck(now: datetime | None = None) -> "QuerySet[Delivery]":
    """Return the events that will not arrive by themselves soon, the oldest first."""
    now = now or timezone.now()
    waits = Q(attempts=0, due_at__lte=now - STUCK_AFTER)
    often = Q(attempts__gte=len(schedule.RETRY_AFTER) // 2)
    found = Delivery.objects.unsettled().filter(Q(escalated_at__isnull=False) | waits | often)
    return found.select_related("partner").order_by("happened_at", "pk")


def overdue(now: datetime | None = None) -> Iterator[Obligation]:
    """Yield the obligations whose day is over, those that the regulator must see first."""
    found = Obligation.objects.overdue(now).select_related("partner")
    yield from found.order_by("-escalation", "due_at", "pk")


def _events() -> dict[UUID, dict[str, Any]]:
    rows: Any = Delivery.objects.unsettled().values("partner").annotate(
        events=Count("pk"), oldest=Min("happened_at"), attempts=Max("attempts"),
        escalated=Count("pk", filter=Q(escalated_at__isnull=False)),
    )  # fmt: skip
    return {row.pop("partner"): row for row in rows.order_by()}


def _owed(now: datetime) -> dict[UUID, dict[str, Any]]:
    rows: Any = Obligation.objects.open().values("partner").annotate(
        obligations=Count("pk"), overdue=Count("pk", filter=Q(due_at__lte=now)),
        unacknowledged=Count("pk", filter=_unacknowledged(now)),
        flagged=Count("pk", filter=Q(escalation__gte=3)),
    )  # fmt: skip
    return {row.pop("partner"): row for row in rows.order_by()}


def _unacknowledged(now: datetime) -> Q:
    alarm = profiles.length("acknowledge_alarm")
    return Q(acknowledged_at=None, opened_at__lte=now - alarm)


def _channel(partner: Partner, channel: Channel | None, now: datetime) -> str:
    if partner.event_delivery == Partner.EventDelivery.POLL:
        return "poll"
    if not partner.event_endpoint:
        return "none"
    if channel is not None and channel.gone_at is not None:
        return "gone"
    shut = channel is not None and channel.shut_until is not None and channel.shut_until > now
    return "shut" if shut else "open"
