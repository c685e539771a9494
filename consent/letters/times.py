"""When letters go out, and when one that was not taken is tried again."""

from datetime import datetime, timedelta

# Confirmations come in one by one; a person gets those of an hour in one message.
CONFIRMED_AFTER = timedelta(hours=1)
GATHERED_EVERY = timedelta(days=30)  # 위치정보법 시행령: at most this long (consent.md 11.5)

LEASE = timedelta(minutes=2)  # how long a silent worker keeps what it claimed
RETRY_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
    timedelta(hours=48),
)
KEPT = timedelta(days=180)  # sent ones; the log says for longer what was provided


def next_gathering(since: datetime, now: datetime) -> datetime:
    """Return the next day on which gathered news go out: every 30 days from when it was chosen."""
    whole = (now - since) // GATHERED_EVERY
    return since + (whole + 1) * GATHERED_EVERY
