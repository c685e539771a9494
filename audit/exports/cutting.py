"""Where an export begins and ends: always at a checkpoint that was signed and published."""

import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from audit import leaf, log
from audit.drafts import Draft
from audit.exceptions import NoCheckpointYet, RangeOutsideLog
from audit.exports.scopes import NOTHING, Scope
from audit.models import Checkpoint, Entry, Leaf, LogState
from audit.types import EntryType
from keys import sealing

POLL = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Announced:
    """The entry that tells of this export, before it has a place in the tree."""

    seq: int
    event_id: UUID
    first: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The range [first, last) and the checkpoints that vouch for it.

    `before` is the earlier checkpoint that the consistency proof starts from: the last one at
    or before `first`, or the oldest there is.
    """

    first: int
    last: int
    root: bytes
    note: str
    before_size: int
    before_note: str
    export: UUID
    export_index: int
    made_at: str


def announce(
    *,
    first: int = 0,
    role: str = "operator",
    account: str | None = None,
    scope: Scope = NOTHING,
) -> Announced:
    """Append the entry of an export, in a transaction of its own.

    Whoever's details will be opened gets an entry that says so. Raises RangeOutsideLog.
    """
    state = LogState.objects.filter(origin=settings.LOG_ORIGIN).first()
    size = state.size if state else 0
    if not 0 <= first <= size:
        raise RangeOutsideLog(f"the log has {size} entries")
    with transaction.atomic():
        made = log.append(
            Draft(type=EntryType.EXPORT_MADE, role=role, account=account, first=first, size=size)
        )
        log.append_many([_key_opened(key, role, account, made) for key in _audit_keys(scope)])
    return Announced(made.seq, made.event_id, first)


def cut(announced: Announced, *, timeout: timedelta = timedelta(seconds=30)) -> Cut:
    """Return the range that ends at a checkpoint over the export's own entry.

    Waits for the sequencer. Raises NoCheckpointYet.
    """
    gives_up = time.monotonic() + timeout.total_seconds()
    while (found := _published(announced)) is None:
        if time.monotonic() > gives_up:
            raise NoCheckpointYet(
                f"no checkpoint over the export's entry within {timeout.total_seconds():.0f} s;"
                " is the sequencer running?"
            )
        time.sleep(POLL)
    return found


def _published(announced: Announced) -> Cut | None:
    index = Leaf.objects.filter(seq=announced.seq).values_list("index", flat=True).first()
    if index is None:
        return None
    last = Checkpoint.objects.filter(size__gt=index).order_by("size").first()
    if last is None:
        return None
    before = _before(announced.first, last)
    entry = leaf.decode(bytes(Entry.objects.values_list("leaf", flat=True).get(seq=announced.seq)))
    return Cut(
        first=announced.first,
        last=last.size,
        root=bytes(last.root),
        note=last.note,
        before_size=before.size,
        before_note=before.note,
        export=announced.event_id,
        export_index=index,
        made_at=entry["time"],
    )


def _before(first: int, last: Checkpoint) -> Checkpoint:
    earlier = Checkpoint.objects.filter(size__lte=first).order_by("-size").first()
    oldest = Checkpoint.objects.filter(size__lte=last.size).order_by("size").first()
    return earlier or oldest or last


def _audit_keys(scope: Scope) -> list[tuple[str, UUID]]:
    """Return (person, audit key) of everybody whose details are in scope."""
    if scope.is_empty:
        return []
    persons = scope.details().order_by("person").values_list("person", flat=True).distinct()
    found = []
    for person in persons.iterator():
        # What came back empty after a loss of the database was sealed under no key.
        kept = scope.details().filter(person=person).exclude(sealed=b"")
        latest = kept.order_by("-seq").first()
        if latest is not None:
            found.append((person, UUID(bytes=sealing.header(bytes(latest.sealed)).key_id)))
    return found


def _key_opened(key: tuple[str, UUID], role: str, account: str | None, made: log.Appended) -> Draft:
    person, audit_key = key
    return Draft(
        type=EntryType.KEY_OPENED,
        role=role,
        account=account,
        of=made.event_id,
        person=person,
        audit_key=audit_key,
        detail={"for": "export"},
    )
