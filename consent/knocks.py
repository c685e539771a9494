"""Puts refused knocks on record: calls that came to no record and no request, by their code alone.

A known partner's refusals are tallied as all others are (6.7). A stranger's are, too, but by door
and code only, for an hour at a time, and written at most once a second by each process: however
many strangers knock, the log grows by the number of our own codes, and no call waits for another.
"""

import re
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from math import inf

import structlog
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from rest_framework.request import Request

from audit import log, tally
from audit.exceptions import AuditError
from audit.types import EntryType
from consent.models import Client

STRANGERS_WINDOW = timedelta(hours=1)
EVERY = 1.0  # seconds between two writings of the same about strangers, in one process
_PART = re.compile(r"<[^>]*>")
_logger = structlog.get_logger(__name__)


def refuse(
    door: str, reason: str, *, by: Client | None = None, about: Client | None = None
) -> None:
    """Log that a knock at this door was refused for this reason, a code of ours.

    `by` is the client that was authenticated; `about` the one whose token or name somebody used
    without showing to be it; neither for a stranger. The refusal stands whatever happens here:
    what cannot be written is told to the operator.
    """
    try:
        if by is None and about is None:
            _of_stranger(door, reason)
        else:
            _of_client(door, reason, by=by, about=about)
    except (AuditError, DatabaseError, InterfaceError) as error:
        _logger.error("knock.unwritten", door=door, reason=reason, error=type(error).__name__)


def door_of(request: HttpRequest | Request) -> str:
    """Return the route as a word of the log, without what varies: "requests.one"."""
    match = request.resolver_match
    route = "" if match is None else match.route.removeprefix("api/v1/")
    return _PART.sub("one", route).strip("/").replace("/", ".") or "unknown"


def forget() -> None:
    """Begin as a new process would."""
    with _lock:
        _strangers.clear()


def _of_client(door: str, reason: str, *, by: Client | None, about: Client | None) -> None:
    meant = by or about
    assert meant is not None
    draft = log.Draft(
        type=EntryType.CALL_REFUSED,
        role="partner",
        partner=by.partner.ref if by else None,
        client=by.ref if by else None,
        partner_object=about.partner.ref if about else None,
        client_object=about.ref if about else None,
        kind=door,
        outcome="refused",
        reason=reason,
    )
    who = f"by {by.ref}" if by else f"about {meant.ref}"
    tally.refuse(draft, "\n".join(("knock", who, door, reason)).encode())


def _of_stranger(door: str, reason: str) -> None:
    if not (times := _due(door, reason)):
        return
    draft = log.Draft(
        type=EntryType.CALL_REFUSED, role="partner", kind=door, outcome="refused", reason=reason
    )
    same = "\n".join(("knock", "stranger", door, reason)).encode()
    tally.refuse(draft, same, times=times, within=STRANGERS_WINDOW)


@dataclass(slots=True)
class _Unwritten:
    """How many knocks of one kind this process has not written yet, and when it last did."""

    times: int
    at: float


_strangers: dict[tuple[str, str], _Unwritten] = {}
_lock = threading.Lock()


def _due(door: str, reason: str) -> int:
    """Count one knock; return how many are to be written now. What waits comes with the next."""
    now = time.monotonic()
    with _lock:
        waiting = _strangers.setdefault((door, reason), _Unwritten(0, -inf))
        waiting.times += 1
        if now - waiting.at < EVERY:
            return 0
        times, waiting.times, waiting.at = waiting.times, 0, now
        return times
