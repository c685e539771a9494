"""Counts identical refusals instead of writing each one out.

The first is an entry at once. Identical ones within a minute add to a row; when the window
closes, one entry says how many there were (`repeats`, `of`). So entries plus repeats equal the
answers given, and a million refused calls in a minute are one row and two entries.

Every count is committed before the refusal is answered. What makes it exact under concurrency:
a count is one UPDATE of one row, closing a window is one DELETE … RETURNING of that row, and
both take its lock; an UPDATE that comes too late hits nothing and starts the next window.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import F

from audit import drafts, log
from audit.drafts import Draft
from audit.exceptions import LogChanged
from audit.log import Appended
from audit.models import Tally
from keys import tree
from keys.exceptions import KeysError, ProviderAway

WINDOW = timedelta(seconds=60)
_TRIES = 100


def refuse(
    draft: Draft, key: bytes, *, times: int = 1, within: timedelta = WINDOW
) -> Appended | None:
    """Put a refusal on record: as an entry, returned, or as one more of the same.

    `times` says how often it was given at this moment, `within` how long identical ones are
    only counted.

    `key` says what counts as identical: callers put in whatever distinguishes two refusals
    (client, grant, reason …); it is hashed. Commits by itself unless a transaction is open.
    Raises what `log.append` raises.
    """
    hashed = hashlib.sha256(key).digest()
    for _ in range(_TRIES):
        with transaction.atomic():
            if _count(hashed, times):
                return None
            _close(hashed)
            if appended := _open(hashed, draft, times, within):
                return appended
        # Somebody opened the same window between our two looks: count there.
    raise LogChanged("a window opened and closed too often")


def sweep(limit: int = 1000) -> int:
    """Close windows whose minute is over; return how many. The sequencer's loop calls it."""
    overdue = Tally.objects.filter(closes_at__lte=datetime.now(UTC)).order_by("closes_at")
    keys = [bytes(key) for key in overdue.values_list("key", flat=True)[:limit]]
    for key in keys:
        # One transaction each, so that two sweeps never wait for each other in a circle.
        with transaction.atomic():
            _close(key)
    return len(keys)


def _count(key: bytes, times: int) -> bool:
    running = Tally.objects.filter(key=key, closes_at__gt=datetime.now(UTC))
    return bool(running.update(repeats=F("repeats") + times))


def _open(key: bytes, draft: Draft, times: int, within: timedelta) -> Appended | None:
    """Begin a window with an entry; None if somebody else has just begun it."""
    row = log.prepared(draft)
    window = Tally(
        key=key, of=row.event_id, draft=_packed(draft), closes_at=datetime.now(UTC) + within,
        repeats=times - 1,
    )  # fmt: skip
    # Waits for whoever is inserting the same key, and then does nothing.
    Tally.objects.bulk_create([window], ignore_conflicts=True)
    if not Tally.objects.filter(key=key, of=row.event_id).exists():
        return None
    return log.insert(row)


def _close(key: bytes) -> None:
    """Close a window that is over, and say how many there were."""
    over = Tally.objects.select_for_update().filter(key=key, closes_at__lte=datetime.now(UTC))
    if (window := over.first()) is None:
        return
    window.delete()
    if window.repeats:
        _tell(window)


def _tell(window: Tally) -> None:
    said = orjson.loads(window.draft)
    about = Draft(
        type=said["fields"]["type"],
        role=said["fields"]["actor"]["role"],
        person=said["person"],
        audit_key=UUID(said["audit_key"]) if said["audit_key"] else None,
    )
    try:
        key = tree.open_audit_key(about.audit_key) if about.audit_key else None
    except ProviderAway:
        raise
    except KeysError:
        # The person has been erased in the meantime; the count still has to be right.
        about, key = Draft(type=about.type, role=about.role), None
    fields = {**said["fields"], "of": str(window.of), "repeats": window.repeats}
    log.insert(drafts.compose_fields(fields, about, key))


def _packed(draft: Draft) -> str:
    said = {
        "fields": drafts.fields_of(draft),
        "person": draft.person,
        "audit_key": draft.audit_key,
    }
    return orjson.dumps(said).decode()
