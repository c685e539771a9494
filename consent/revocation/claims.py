"""Who sends what next: a claim is a lease, taken in one short transaction."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from consent.models import Delivery, Partner
from consent.revocation import channels, schedule, settling
from consent.revocation.events import Claimed, Event, EventType
from consent.revocation.faults import point

_CLAIMING = 0x436C61696D  # the number of the advisory lock below; "Claim"


@transaction.atomic(durable=True)
def claim(limit: int, now: datetime | None = None) -> list[Claimed]:
    """Lease up to `limit` events that are due to the caller, for schedule.LEASE.

    Never two of one grant at once, nor a later one before the earlier is settled; never more
    than PER_PARTNER in flight to one partner, and one where its breaker is probing. First
    attempts come before repeats, and each partner's turn before anybody's second.
    """
    now = now or timezone.now()
    point("deliveries.claiming")
    _one_at_a_time()
    chosen = _choose(limit, now)
    token = uuid.uuid4()
    # Compare-and-set: a row that somebody leased or settled meanwhile is left alone. With
    # SQLite this is all that stands between two workers; it has no row locks to skip.
    Delivery.objects.due(now).filter(pk__in=chosen).update(
        lease_token=token,
        leased_until=now + schedule.LEASE,
        attempts=F("attempts") + 1,
        first_attempt_at=Coalesce("first_attempt_at", Value(now)),
        last_attempt_at=now,
    )
    point("deliveries.leased")
    mine = Delivery.objects.filter(pk__in=chosen, lease_token=token).select_related("partner")
    readable, broken = sorted_out(mine, token)
    settling.put_aside(broken, now)
    return readable


def _one_at_a_time() -> None:
    # Claims take milliseconds. One after the other, what a claim counts (leases per partner)
    # is still true when it writes. On SQLite, BEGIN IMMEDIATE has done this already.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIMING])


def _choose(limit: int, now: datetime) -> list[uuid.UUID]:
    """Return the ids of what to send next, at most `limit`."""
    free = _free_places(now)
    chosen: list[uuid.UUID] = []
    for pk, partner in _candidates(now, [p for p, places in free.items() if places < 1])[
        : limit + len(free) * schedule.PER_PARTNER
    ]:
        if free[partner] > 0 and len(chosen) < limit:
            free[partner] -= 1
            chosen.append(pk)
    return chosen


def _free_places(now: datetime) -> "defaultdict[uuid.UUID, int]":
    """Return how many more events may be in flight to a partner."""
    flying = Delivery.objects.unsettled().filter(leased_until__gt=now)
    free: defaultdict[uuid.UUID, int] = defaultdict(lambda: schedule.PER_PARTNER)
    probing = Partner.objects.filter(channel__failures__gte=schedule.FAILURES_BEFORE_SHUT)
    free.update(dict.fromkeys(probing.values_list("pk", flat=True), 1))
    for partner, count in Counter(flying.values_list("partner_id", flat=True)).items():
        free[partner] -= count
    return free


def _candidates(
    now: datetime, full: list[uuid.UUID]
) -> "QuerySet[Delivery, tuple[uuid.UUID, uuid.UUID]]":
    """Return (id, partner) of what may be sent, in the order in which it should be."""
    turn = Window(
        RowNumber(),
        partition_by=F("partner"),
        order_by=[Case(When(attempts=0, then=0), default=1), F("due_at")],
    )
    reachable = Q(partner__event_delivery=Partner.EventDelivery.PUSH) & ~Q(
        partner__event_endpoint=""
    )
    return (
        Delivery.objects.due(now)
        .filter(
            reachable & (Q(partner__channel=None) | channels.open_at(now, "partner__channel__"))
        )
        .exclude(partner__in=full)
        .exclude(Exists(_earlier()))
        .annotate(turn=turn, again=Case(When(attempts=0, then=0), default=1))
        .filter(turn__lte=schedule.PER_PARTNER)
        .order_by("again", "turn", "due_at")
        .values_list("pk", "partner_id")
    )


def next_of(partner: Partner, now: datetime) -> "QuerySet[Delivery]":
    """Return what a partner that fetches its events may be given now, the oldest first."""
    due = Delivery.objects.due(now).filter(partner=partner)
    return due.exclude(Exists(_earlier())).order_by("due_at", "pk")


def _earlier() -> "QuerySet[Delivery]":
    """Return what its grant's partner has to hear before a delivery, as a subquery."""
    return Delivery.objects.unsettled().filter(
        Q(epoch__lt=OuterRef("epoch"))
        | Q(epoch=OuterRef("epoch"), happened_at__lt=OuterRef("happened_at")),
        grant=OuterRef("grant"),
        escalated_at=None,
    )


def sorted_out(mine: Iterable[Delivery], token: uuid.UUID) -> tuple[list[Claimed], list[uuid.UUID]]:
    """Return what can be sent, and the ids of rows that this version cannot read."""
    readable, broken = [], []
    for delivery in mine:
        try:
            readable.append(_claimed(delivery, token))
        except (KeyError, TypeError, ValueError):
            broken.append(delivery.pk)
    return readable, broken


def _claimed(delivery: Delivery, token: uuid.UUID) -> Claimed:
    claims = delivery.claims
    event = Event(
        id=delivery.pk,
        partner=delivery.partner_id,
        type=EventType(delivery.event_type),
        happened_at=delivery.happened_at,
        subject=claims["subject"],
        action=claims["action"] or delivery.ref,
        payload=claims["payload"],
    )
    return Claimed(event=event, endpoint=delivery.partner.event_endpoint, token=token)
