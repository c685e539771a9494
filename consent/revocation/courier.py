"""Sends what is due, many at once, so that nobody's slow server makes another brand wait.

One thread of a worker leads: it claims, hands out, and records, with the only database
connection. The senders hold none while they wait for a brand. Whatever this process knows may
be lost at any moment: every row comes back when its lease ends.
"""

import logging
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import DatabaseError

from consent.revocation import claims, events, schedule, sending, settling
from consent.revocation.events import Claimed
from consent.revocation.faults import point
from consent.revocation.sending import Outcome
from consent.revocation.settling import Result
from keys.exceptions import KeysError

logger = logging.getLogger(__name__)

# A leader goes home after this, and the next beat's task leads on: no task runs without end.
LEADS_FOR = timedelta(seconds=60)
_GLANCE = 0.2  # seconds between two looks for new events while others are in flight


class Courier:
    """The senders of one process, and what they brought back."""

    def __init__(self, senders: int = schedule.SENDERS) -> None:
        """Make a courier; its threads start when there is something to send."""
        self._senders = senders
        # A claim looks at all that is due: one for every sender that comes back would cost more
        # than the sending.
        self._bite = max(1, senders // 4)
        self._pool = ThreadPoolExecutor(senders, thread_name_prefix="sender")
        self._back: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._unrecorded: list[Result] = []
        self._flying = 0  # handed out and not come back yet; the leader's own count
        self._leading = threading.Lock()
        self._closing = threading.Event()
        self._claimed_at = 0.0

    def run(self, lasting: timedelta = LEADS_FOR) -> int:
        """Lead until nothing is due and nothing is in flight; return how many were settled.

        Returns 0 at once where another thread of this process leads already.
        """
        if not self._leading.acquire(blocking=False):
            return 0
        try:
            return self._lead(time.monotonic() + lasting.total_seconds())
        finally:
            self._leading.release()

    def retire(self) -> None:
        """Claim nothing more. Returns at once; whoever leads goes home at its next look."""
        self._closing.set()

    def close(self) -> None:
        """Claim nothing more, wait for what is in flight, and write it down."""
        self.retire()
        with self._leading:
            while self._flying or self._unrecorded:
                self._collect(wait=schedule.DEADLINE.total_seconds() * 2)
                self._record()
        self._pool.shutdown()

    def _lead(self, until: float) -> int:
        settled = 0
        while True:
            self._collect(wait=_GLANCE if self._flying and not self._unrecorded else 0)
            over = self._closing.is_set() or time.monotonic() >= until
            handed = 0 if over else self._hand_out()
            # While many wait for their first attempt, writing down comes second.
            recorded = self._record() if handed < self._bite else 0
            settled += recorded
            # What was settled just now may let a later event of its grant go.
            if not handed and (over or not (recorded or self._flying)):
                return settled

    def _hand_out(self) -> int:
        free = self._senders - self._flying
        if not free or (free < self._bite and time.monotonic() < self._claimed_at + _GLANCE):
            return 0
        self._claimed_at = time.monotonic()
        claimed = claims.claim(free)
        if claimed:
            point("deliveries.claimed")
        self._flying += len(claimed)
        for one in claimed:
            self._pool.submit(self._send, one)
        return len(claimed)

    def _collect(self, wait: float) -> None:
        """Take what has come back; wait for the first of it."""
        found = _collected(self._back, wait)
        self._flying -= len(found)
        self._unrecorded += found

    def _record(self) -> int:
        """Write down, in one transaction, all that has come back."""
        if not self._unrecorded:
            return 0
        point("deliveries.answered")
        # Kept until it is written: with the database away this raises, and the next leader tries.
        counted = _written(self._unrecorded)
        self._unrecorded = []
        return counted

    def _send(self, claimed: Claimed) -> None:
        self._back.put(attempt(claimed))


def attempt(claimed: Claimed) -> Result:
    """Sign and send one claimed event. Touches no database; never raises."""
    try:
        point("deliveries.signing")
        outcome = sending.post_set(claimed.endpoint, events.build_set(claimed.event))
    except KeysError:
        outcome = Outcome(code="not-signed")
    except Exception:
        # A sender that dies in silence would keep its place in flight for ever.
        logger.exception("an attempt failed in a way that nobody foresaw")
        outcome = Outcome(code="not-sent")
    return Result(claimed=claimed, outcome=outcome)


def _written(results: list[Result]) -> int:
    """Record results together; where one of them cannot be, the others all the same."""
    try:
        return settling.record(results)
    except (DatabaseError, KeysError):
        raise
    except Exception:
        if len(results) == 1:
            # Its lease runs out and it comes again; an error in our own code is for the operator.
            logger.exception("what came of an attempt cannot be written down")
            return 0
        return sum(_written([result]) for result in results)


def _collected(back: "queue.SimpleQueue[Result]", wait: float) -> list[Result]:
    found: list[Result] = []
    try:
        found.append(back.get(timeout=wait) if wait else back.get_nowait())
        while True:
            found.append(back.get_nowait())
    except queue.Empty:
        return found


# One per process -----------------------------------------------------------------------
_courier: Courier | None = None
_making = threading.Lock()


def courier() -> Courier:
    """Return this process's courier."""
    global _courier  # noqa: PLW0603 - one pool of senders per process is what this is for
    with _making:
        if _courier is None:
            _courier = Courier()
        return _courier


def retire() -> None:
    """Let this process claim nothing more: it is about to end."""
    courier().retire()


def close() -> None:
    """Let this process's courier finish, if it has one."""
    global _courier
    with _making:
        ending, _courier = _courier, None
    if ending is not None:
        ending.close()
