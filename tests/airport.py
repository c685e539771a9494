"""An airport day: an alliance of brands, and the journey that its lead asks for."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from consent import alliances
from consent.actors import Actor
from consent.models import Alliance, Client, Journey
from tests import cast
from vault.models import Pod

HOUSE = Actor.operator()
NAMES = (
    ("하늘공항", "Haneul Airport"),
    ("구름면세점", "Cloud Duty Free"),
    ("바람주차", "Wind Parking"),
)
PLACES = (("출국장", "Departures"), ("면세점", "Duty free"), ("주차장", "Car park"))


@dataclass(frozen=True, slots=True)
class Airport:
    """The alliance and one client of each member, the lead's first."""

    alliance: Alliance
    clients: list[Client]

    @property
    def lead(self) -> Client:
        return self.clients[0]


def make_airport(count: int = 3) -> Airport:
    """An airport that leads shops and parking; each may read stays."""
    named = (NAMES * count)[:count]
    clients = [cast.make_client(name_ko=ko, name_en=en) for ko, en in named]
    for client in clients:
        cast.make_template(client.partner)
    alliance = alliances.make(clients[0].partner, "하늘공항", "Haneul Airport", HOUSE)
    for client in clients[1:]:
        alliances.join(alliance, client.partner, HOUSE)
    return Airport(alliance, clients)


def body_of(airport: Airport, pod: Pod | None = None, **changes: Any) -> dict[str, Any]:
    """A journey's body: one stop for each member."""
    now = timezone.now()
    return {
        "alliance": str(airport.alliance.pk),
        "subject": {"mail": pod.owner.email} if pod else {"link": True},
        "name": {"ko": "제주 가는 날", "en": "The day to Jeju"},
        "starts": (now + timedelta(hours=1)).isoformat(),
        "ends": (now + timedelta(days=2)).isoformat(),
        "stops": [stop(client, place) for place, client in enumerate(airport.clients)],
    } | changes


def stop(client: Client, place: int, **changes: Any) -> dict[str, Any]:
    """One stop; `changes` are members of its request."""
    ko, en = PLACES[place % len(PLACES)]
    request = cast.make_body(subject=None, **changes)
    return {
        "order": place + 1,
        "place": {"ko": ko, "en": en},
        "client": client.client_id,
        "request": request,
    }


def ask(airport: Airport, pod: Pod | None = None, **changes: Any) -> alliances.Asked:
    """Ask for a journey, under a key of its own."""
    return alliances.ask(
        airport.lead, body_of(airport, pod, **changes), idempotency_key=uuid4().hex
    )


def make_journey(pod: Pod, airport: Airport | None = None, **changes: Any) -> Journey:
    """A journey that reached the pod's owner."""
    return fresh(ask(airport or make_airport(), pod, **changes).journey)


def fresh(journey: Journey) -> Journey:
    return Journey.objects.select_related("pod__owner", "alliance").get(pk=journey.pk)
