"""A brand that listens, and the shortest way to owe it something."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from audit import log
from audit.models import Entry
from audit.types import EntryType
from consent.models import Client, Delivery, Grant, Obligation, Partner
from consent.revocation import claims, courier, deliveries, entries, obligations, settling
from consent.revocation.events import EventType
from consent.revocation.sending import Outcome
from tests.consent.revocation.receiver import Brand, brand


@pytest.fixture(autouse=True)
def _loopback(settings: Settings) -> None:
    settings.ALLOW_LOOPBACK_ENDPOINTS = True


@pytest.fixture
def listening() -> Iterator[Brand]:
    """A brand's server."""
    with brand() as server:
        yield server


@pytest.fixture
def told(hotel: Client, listening: Brand) -> Partner:
    """The hotel, with an endpoint."""
    return listen(hotel.partner, listening)


@pytest.fixture
def owe(grant: Grant) -> Callable[..., Delivery]:
    """Owe the grant's partner an event."""
    return lambda event=EventType.GRANT_WITHDRAWN, **more: owed_for(grant, event, **more)


def listen(partner: Partner, server: Brand, path: str = "/events") -> Partner:
    Partner.objects.filter(pk=partner.pk).update(event_endpoint=server.at(path))
    partner.refresh_from_db()
    return partner


def owed_for(grant: Grant, event: str = EventType.GRANT_WITHDRAWN, **more: Any) -> Delivery:
    grant.refresh_from_db()
    with transaction.atomic():
        return deliveries.enqueue(grant.partner, grant, event, {}, **more)


def was_read(grant: Grant, entry_type: EntryType = EntryType.RECORD_READ) -> None:
    """Put a read of the grant on record, as the guard does."""
    with transaction.atomic():
        log.append(entries.of_grant(entry_type, grant, outcome="ok"))


def obliged(grant: Grant) -> list[Obligation]:
    """Open what a read grant's end leaves owed."""
    was_read(grant)
    with transaction.atomic():
        return obligations.open_for(grant, timezone.now())


def send_all() -> int:
    """Claim, send and record until nothing is due, one after the other; return how many counted."""
    counted = 0
    while claimed := claims.claim(50):
        counted += settling.record([courier.attempt(one) for one in claimed])
    return counted


def later(delivery: Delivery, **moments: Any) -> None:
    """Move moments of a delivery's row: what the clock would have done."""
    Delivery.objects.filter(pk=delivery.pk).update(**moments)
    delivery.refresh_from_db()


def outcome(code: str = "answered-500", **more: Any) -> Outcome:
    return Outcome(code=code, **more)


def types_of_entries() -> list[str]:
    return [one for one in Entry.objects.order_by("seq").values_list("type", flat=True)
            if one.startswith(("delivery", "obligation"))]  # fmt: skip
