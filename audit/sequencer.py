"""Gives entries their place in the tree, and publishes what the tree has become.

One at a time: whoever holds the row lock on the log's state. It takes *what is pending now*,
in the order of `seq`. Neither a watermark (it would lose late commits) nor an xmin fence (it
would put an effect before its cause): a writer draws `seq` after the lock on what the entry
tells, and gives that lock up only once its entry can be seen; so whoever sees the effect sees
the cause, with a lower `seq`.

Sequencing and publishing are two steps. Whatever fails or is killed between or inside them,
running both again ends in the same log: the tree is a function of committed rows, files are
replaced by equal files, and the anchor never takes a smaller or another tree.
"""

from datetime import UTC, datetime, timedelta
from threading import Event
from typing import NamedTuple
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction

from audit import anchor, log, merkle, publishing, storing, tally, tiles
from audit.drafts import Draft
from audit.exceptions import (
    AnchorMissing,
    DatabaseBehindAnchor,
    LogChanged,
    LogForked,
)
from audit.merkle import CompactRange
from audit.models import LogState, Quarantine
from audit.types import EntryType, Reason
from keys.exceptions import KeysError

BATCH = 8192
HEARTBEAT = timedelta(minutes=1)
ALARM = timedelta(seconds=60)

logger = structlog.get_logger(__name__)
publish = publishing.publish


class Waiting(NamedTuple):
    """A pending entry."""

    seq: int
    event_id: UUID
    leaf: bytes
    leaf_hash: bytes


def sequence_once(limit: int = BATCH) -> int:
    """Give the entries that are pending now their places; return how many got one.

    One transaction. Raises LogChanged where somebody else moved the state in spite of the lock,
    DatabaseBehindAnchor where a backup was put under a running sequencer.
    """
    with transaction.atomic():
        state = _locked_state()
        anchor.need_not_behind(state.size)
        _heartbeat(state)
        # A statement of its own, after the lock: it sees what the last holder committed.
        waiting = _pending(limit)
        sound = [each for each in waiting if merkle.leaf_hash(each.leaf) == each.leaf_hash]
        if len(sound) < len(waiting):
            _quarantine([each for each in waiting if merkle.leaf_hash(each.leaf) != each.leaf_hash])
        if sound:
            _place(state, sound)
    return len(sound)


def run(stop: Event, interval: float = 0.5) -> None:
    """Sequence and publish until `stop` is set; `interval` in seconds.

    Begins with `anchor.check_start`. A database or disk that is away is waited for. Raises DatabaseBehindAnchor, LogForked and
    AnchorMissing: then nothing may be signed until somebody has looked.
    """
    try:
        anchor.check_start()
        while not stop.is_set():
            if not _round():
                stop.wait(interval)
    finally:
        connection.close()


def lag() -> timedelta:
    """Return how long the oldest pending entry has waited."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.event_id FROM audit_pending p JOIN audit_entry e ON e.seq = p.seq"
            " ORDER BY p.seq LIMIT 1"
        )
        row = cursor.fetchone()
    if row is None:
        return timedelta(0)
    # A UUIDv7 begins with its moment in milliseconds.
    made_at = datetime.fromtimestamp((UUID(str(row[0])).int >> 80) / 1000, UTC)
    return max(datetime.now(UTC) - made_at, timedelta(0))


def _round() -> bool:
    """Sequence one batch, publish it, close windows of refusals that are over; tell whether there is certainly more to do."""
    close_old_connections()
    try:
        placed = sequence_once()
        publish()
        tally.sweep()  # here, because this loop is always running
        if (waited := lag()) > ALARM:
            logger.error("entries wait too long", seconds=waited.total_seconds())
    except (DatabaseBehindAnchor, LogForked, AnchorMissing) as error:
        logger.critical("nothing is signed any more", error=type(error).__name__)
        raise
    except (DatabaseError, OSError, LogChanged, KeysError) as error:
        # Fail closed, and come back: entries keep, checkpoints wait.
        logger.error("sequencing failed and is tried again", error=type(error).__name__)
        return False
    return placed == BATCH


def _locked_state() -> LogState:
    locked = LogState.objects.select_for_update().filter(origin=settings.LOG_ORIGIN)
    if state := locked.first():
        return state
    LogState.objects.get_or_create(
        origin=settings.LOG_ORIGIN,
        defaults={"size": 0, "root": merkle.EMPTY_ROOT, "compact": b""},
    )
    return locked.get()


def _heartbeat(state: LogState) -> None:
    """Append a heartbeat when a minute passed without one: silence is never just silence."""
    now = datetime.now(UTC)
    if state.heartbeat_at and timedelta(0) <= now - state.heartbeat_at < HEARTBEAT:
        return
    log.append(
        Draft(
            type=EntryType.LOG_HEARTBEAT,
            role="system",
            size=state.size,
            root=bytes(state.root).hex(),
        )
    )
    LogState.objects.filter(origin=state.origin).update(heartbeat_at=now)


def _pending(limit: int) -> list[Waiting]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.seq, e.event_id, e.leaf, e.leaf_hash"
            " FROM audit_pending p JOIN audit_entry e ON e.seq = p.seq"
            " ORDER BY e.seq LIMIT %s",
            [limit],
        )
        return [
            Waiting(seq, UUID(str(event_id)), bytes(leaf), bytes(leaf_hash))
            for seq, event_id, leaf, leaf_hash in cursor.fetchall()
        ]


def _place(state: LogState, waiting: list[Waiting]) -> None:
    """Append the entries to the tree: indexes, tiles, state."""
    hashes = [each.leaf_hash for each in waiting]
    old = state.size
    compact = CompactRange.decode(old, bytes(state.compact))
    compact.extend(hashes)
    storing.add_leaves(old, [(each.seq, each.leaf_hash) for each in waiting])
    storing.put_tiles(tiles.grow(old, tiles.from_database, hashes))
    storing.no_longer_pending([each.seq for each in waiting])
    moved = LogState.objects.filter(origin=state.origin, size=old).update(
        size=compact.size, root=compact.root(), compact=compact.encode()
    )
    if moved != 1:
        raise LogChanged("the state of the log moved in spite of the lock")


def _quarantine(waiting: list[Waiting]) -> None:
    """Keep entries out of the tree whose leaf is not what was written, and say so for ever."""
    now = datetime.now(UTC)
    Quarantine.objects.bulk_create(
        Quarantine(
            seq=each.seq,
            event_id=each.event_id,
            stored_hash=each.leaf_hash,
            computed_hash=merkle.leaf_hash(each.leaf),
            found_at=now,
        )
        for each in waiting
    )
    storing.no_longer_pending([each.seq for each in waiting])
    for each in waiting:
        logger.critical("an entry is not what was written", index=each.seq)
        log.append(
            Draft(
                type=EntryType.LOG_QUARANTINED,
                role="system",
                of=each.event_id,
                reason=Reason.HASH_MISMATCH,
                outcome="failed",
            )
        )
