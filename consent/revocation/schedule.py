"""When an event is tried again. Published: docs/decisions/0004-deliveries.md shows this very list."""

import secrets
from datetime import timedelta

# The wait before attempt n + 1. The first attempt is made at once.
RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=20),
    timedelta(hours=25),
)
# From here on an operator has been told. It is still tried, once a day, until it is settled.
ESCALATE_AFTER = timedelta(hours=72)
AFTER_THAT = timedelta(days=1)
# Whatever an endpoint asks for with Retry-After, it is asked again within this.
LONGEST_WAIT = timedelta(days=1)

LEASE = timedelta(seconds=20)  # how long a silent worker keeps what it claimed
DEADLINE = timedelta(seconds=15)  # for one attempt, all of it; shorter than the lease
SWEEP = timedelta(seconds=5)

SENDERS = 256  # events in flight in one worker; each waits for somebody else's server
PER_PARTNER = 4  # of them to one partner, over all workers

# The circuit breaker of one partner: from the fifth failure in a row on, one probe per wait.
FAILURES_BEFORE_SHUT = 5
SHUT_FOR = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))


def next_wait(attempts: int, asked: timedelta | None = None) -> timedelta:
    """Return how long to wait after `attempts` failed attempts: up to a fifth longer, by chance.

    The chance spreads the events of a brand that was away for an hour over its return.
    `asked` is the endpoint's Retry-After; it can make the wait longer, up to LONGEST_WAIT.
    """
    listed = RETRY_AFTER[attempts - 1] if 0 < attempts <= len(RETRY_AFTER) else AFTER_THAT
    wait = listed * (1 + secrets.randbelow(200) / 1000)
    return max(wait, min(asked, LONGEST_WAIT)) if asked else wait


def shut_for(failures: int) -> timedelta | None:
    """Return how long nothing is sent to a partner after so many failures in a row."""
    beyond = failures - FAILURES_BEFORE_SHUT
    return None if beyond < 0 else SHUT_FOR[min(beyond, len(SHUT_FOR) - 1)]
