"""Customers in one state each, all of Maru Hotel; every state comes about as it would anywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from consent import erasure, grants, requests
from consent.access import calls, reading
from consent.actors import Actor
from consent.models import Client, Grant
from consent.oauth import tokens
from consent.revocation import escalations
from sandbox import people
from sandbox.brands import PERSONAL
from sandbox.people import Person
from vault.models import Pod, Record

STAY = {"hotel": "Maru Hotel", "room": "1204", "check_in": "2026-11-20", "check_out": "2026-11-22"}
WORKOUT = {"kind": "run", "started_at": "2026-11-20T06:10:00+09:00", "distance_m": 5200}
WHY = {"ko": "취향에 맞게 방을 준비해요.", "en": "To prepare the room to your taste."}
SOON = timedelta(seconds=2)
LATE = timedelta(days=60)  # by then an obligation of today has passed its second stage


@dataclass(frozen=True, slots=True)
class State:
    """A customer, what was asked of her, and what became of it."""

    name: str
    is_so: str
    terms: Callable[[datetime], dict[str, Any]] = lambda _now: {}
    becomes: Callable[[Grant, Client], object] = lambda _grant, _client: None
    client: str = "maru-desk"
    is_decided: bool = True

    @property
    def person(self) -> Person:
        """Return who she is; she answers no further request."""
        return Person(self.name, self.is_so)


def ask(client: Client, mail: str, now: datetime, **terms: Any) -> "requests.Submitted":
    """Ask a customer for her stays, or for what the terms say."""
    body = {
        "subject": {"mail": mail},
        "purpose": PERSONAL,
        "items": [item("stay"), item("stay", action="contribute")],
        "access_mode": "may_store",
        "retention_days": 30,
        "expires": (now + timedelta(days=300)).isoformat(),
        "benefit": {"ko": "늦은 퇴실 무료", "en": "Free late check-out"},
    }
    return requests.submit(client, body | terms, idempotency_key=f"seed-{uuid4().hex}")


def item(category: str, **more: Any) -> dict[str, Any]:
    """Return one needed item of a request."""
    return {"category": category, "action": "read", "why": WHY, "required": True} | more


def read(grant: Grant, client: Client) -> None:
    """Read once, as the brand would."""
    call = {"subject": grant.pairwise, "category": "stay", "purpose": PERSONAL}
    reading.read(tokens.digest(tokens.issue(client)), calls.parse(call))


def bring_about(state: State, pod: Pod, client: Client) -> Grant | None:
    """Let a customer get into her state; return the grant, where there is one."""
    now = timezone.now()
    asked = ask(client, state.person.mail, now, **state.terms(now)).request
    if not state.is_decided:
        return None
    grant = people.approve(asked)
    grant.pod = pod
    state.becomes(grant, client)
    return grant


def fall_behind(pod: Pod, client: Client) -> None:
    """Let a brand read, owe destruction, and stay silent until it may ask nothing new."""
    grant = people.approve(ask(client, pod.owner.email, timezone.now()).request)
    read(grant, client)
    people.withdraw(grant)
    for _stage in (1, 2):
        escalations.escalate_overdue(timezone.now() + LATE)


def _read_and_ended(grant: Grant, client: Client) -> None:
    read(grant, client)
    people.withdraw(grant)


def _suspended(grant: Grant, _client: Client) -> None:
    grants.suspend(grant, "data-accuracy-contested", Actor.operator())


def _all_paused(grant: Grant, _client: Client) -> None:
    grants.pause_all(grant.pod, Actor.owner(grant.pod.owner))


def _erased(grant: Grant, _client: Client) -> None:
    erasure.erase_pod(grant.pod, Actor.owner(grant.pod.owner))


def _damaged(grant: Grant, _client: Client) -> None:
    """Turn one bit of what lies on the disk."""
    record = Record.objects.get(pod=grant.pod, category="stay")
    sealed = bytes(record.sealed)
    record.sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    record.save(update_fields=["sealed"])


def _paused(grant: Grant, _client: Client) -> None:
    people.pause(grant)


def _fields(_now: datetime) -> dict[str, Any]:
    return {"items": [item("stay", fields=["hotel", "check_in"])]}


def _times(count: int, unit: str) -> Callable[[datetime], dict[str, Any]]:
    return lambda _now: {"frequency": {"count": count, "unit": unit}}


STATES = (
    State("granted", "shares her stays, and takes records of them"),
    State("fields", "shares two fields of her stays: hotel and check_in", _fields),
    State("daily", "shares her stays, one look a day", _times(1, "day")),
    State("counted", "shares her stays, a million looks a day", _times(1_000_000, "day")),
    State("used-up", "shared her stays for one look, which is used", _times(1, "total"), read),
    State("later", "shares her stays from 200 days from now on",
          lambda now: {"valid_from": (now + timedelta(days=200)).isoformat()}),
    State("expired", "shared her stays for two seconds",
          lambda now: {"expires": (now + SOON).isoformat()}),
    State("paused", "shares her stays, and has paused it", becomes=_paused),
    State("all-paused", "has paused all brands", becomes=_all_paused),
    State("suspended", "shares her stays; the operator has suspended that", becomes=_suspended),
    State("ended", "shared her stays, was read, and took it back", becomes=_read_and_ended),
    State("erased", "shared her stays, and has erased everything", becomes=_erased),
    State("damaged", "shares her stays; the disk has damaged them", becomes=_damaged),
    State("active", "shares her workouts, which are sensitive data",
          lambda _now: {"items": [item("workout")]}, client="maru-app"),
    State("waiting", "has a request before her, and does not answer", is_decided=False),
)  # fmt: skip
LATE_ONE = Person("owed", "took something back from a brand that never answered")
