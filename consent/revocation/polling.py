"""Lets a brand without an inbound address fetch its events and acknowledge them (RFC 8936).

The rows are those that are pushed to other brands, in the same order: of one grant the earliest
that is not settled, and the next once it is. An acknowledgement counts as a 202 does. What was
handed out and not acknowledged is handed out again once its lease is over.
"""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic, sleep
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from consent.exceptions import EventsArePushed, RequestInvalid
from consent.models import Delivery, Partner
from consent.revocation import claims, events, schedule, sending, settling
from consent.revocation.events import Event
from consent.revocation.faults import point
from consent.revocation.sending import Outcome

MOST_EVENTS = 100
MOST_ANSWERS = 1000
MEMBERS = frozenset({"maxEvents", "returnImmediately", "ack", "setErrs"})
WAITS_FOR = timedelta(seconds=20)  # below the 30 s after which many a client gives up
_GLANCE = 0.5  # seconds between two looks of a call that waits
# A call that waits holds a thread of the web server, so few may; the others are answered at once.
WAITERS = 2
_waiting = threading.BoundedSemaphore(WAITERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What a brand says and asks in one call."""

    most: int = MOST_EVENTS
    waits: bool = True
    outcomes: Mapping[uuid.UUID, Outcome] = field(default_factory=dict)


def parse(body: object) -> Poll:
    """Return what a body says. Raises `RequestInvalid` (RFC 8936 section 2.2)."""
    if not isinstance(body, dict):
        raise RequestInvalid([("", "must be an object")])
    # Never by name: the name of an unknown member is as much the caller's as its value.
    problems = [] if body.keys() <= MEMBERS else [("", "has a member that a poll does not have")]
    most = body.get("maxEvents", MOST_EVENTS)
    at_once = body.get("returnImmediately", False)
    accepted, refused = body.get("ack", []), body.get("setErrs", {})
    if isinstance(most, bool) or not isinstance(most, int) or most < 0:
        problems.append(("/maxEvents", "must be a whole number from 0 on"))
    if not isinstance(at_once, bool):
        problems.append(("/returnImmediately", "must be true or false"))
    if not _is_list_of_ids(accepted):
        problems.append(("/ack", f"must be a list of at most {MOST_ANSWERS} texts"))
    if not _is_list_of_errors(refused):
        problems.append(("/setErrs", f"must hold at most {MOST_ANSWERS} objects, each with an err"))
    if problems:
        raise RequestInvalid(problems)
    return Poll(
        most=min(most, MOST_EVENTS),
        waits=not at_once and most > 0,
        outcomes=_outcomes(accepted, refused),
    )


def poll(partner: Partner, asked: Poll) -> dict[str, Any]:
    """Write down what a brand answers, and return what it is owed next.

    Answers about events that are not its own, that it never got, or that are settled change
    nothing. Raises `EventsArePushed` where the brand asks for events and chose the other way.
    """
    settling.answer(partner, asked.outcomes)
    if not asked.most:
        return {"sets": {}, "moreAvailable": _is_more(partner)}
    if partner.event_delivery != Partner.EventDelivery.POLL:
        raise EventsArePushed
    handed = hand_out(partner, asked.most)
    if not handed and asked.waits:
        handed = _wait(partner, asked.most)
    sets = {str(event.id): events.build_set(event) for event in handed}
    return {"sets": sets, "moreAvailable": bool(sets) and _is_more(partner)}


def hand_out(partner: Partner, most: int) -> list[Event]:
    """Lease up to `most` events to a brand that asks for them, the oldest first."""
    now = timezone.now()
    with transaction.atomic():
        point("polling.choosing")
        due = claims.next_of(partner, now).values_list("pk", flat=True)
        chosen = list(due[:most])
        token = uuid.uuid4()
        Delivery.objects.due(now).filter(pk__in=chosen).update(
            lease_token=token,
            leased_until=now + schedule.LEASE,
            attempts=F("attempts") + 1,
            first_attempt_at=Coalesce("first_attempt_at", Value(now)),
            last_attempt_at=now,
            last_outcome="handed-out",
        )
        mine = Delivery.objects.filter(pk__in=chosen, lease_token=token).order_by("due_at", "pk")
        readable, broken = claims.sorted_out(mine.select_related("partner"), token)
        settling.put_aside(broken, now)
    point("polling.leased")
    return [one.event for one in readable]


def _wait(partner: Partner, most: int) -> list[Event]:
    """Return what comes up within WAITS_FOR; holds no connection between two looks."""
    if not _waiting.acquire(blocking=False):
        return []
    try:
        until = monotonic() + WAITS_FOR.total_seconds()
        while monotonic() < until:
            _let_go()
            sleep(_GLANCE)
            if found := hand_out(partner, most):
                return found
        return []
    finally:
        _waiting.release()


def _let_go() -> None:
    # Inside somebody's transaction (a test's) the connection is not ours to close.
    if not connection.in_atomic_block:
        connection.close()


def _is_more(partner: Partner) -> bool:
    return claims.next_of(partner, timezone.now()).exists()


def _outcomes(accepted: list[str], refused: dict[str, Any]) -> dict[uuid.UUID, Outcome]:
    """Return what a brand says by event; of both at once the refusal counts."""
    said = dict.fromkeys(accepted, Outcome(code="accepted", accepted=True))
    said |= {jti: _refusal(error["err"]) for jti, error in refused.items()}
    return {uuid.UUID(jti): outcome for jti, outcome in said.items() if _is_id(jti)}


def _refusal(code: str) -> Outcome:
    # What they call it is theirs; only registered words are kept.
    known = code if code in sending.ERRORS else "refused"
    return Outcome(code=known, hopeless=known == "invalid_request")


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _is_list_of_ids(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_ANSWERS
        and all(isinstance(one, str) for one in value)
    )


def _is_list_of_errors(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MOST_ANSWERS
        and all(isinstance(one, dict) and isinstance(one.get("err"), str) for one in value.values())
    )
