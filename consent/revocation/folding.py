"""Folds the log's reads and refusals into days per grant, for lists and pictures.

It follows the dense index of the tree, not the entries: an entry that commits late gets its
index late, so nothing is passed over. Position and counts move in one transaction; a worker
that dies in between folds the same leaves again.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from audit import leaf
from audit.types import EntryType
from consent.models import Fold, Grant, GrantActivity

NAME = "activity"
BATCH = 2000


@dataclass(slots=True)
class Day:
    """What happened under one grant on one day."""

    last_at: datetime
    reads: int = 0
    refusals: int = 0


@transaction.atomic
def fold_activity(limit: int = BATCH) -> int:
    """Fold the next leaves, at most `limit`; return how many. Two workers take turns."""
    Fold.objects.get_or_create(name=NAME)
    position = Fold.objects.select_for_update().get(name=NAME)
    leaves = leaves_from(position.leaves, limit)
    days = _by_day([leaf.decode(each) for each in leaves])
    for (grant_id, day), counted in days.items():
        _add(grant_id, day, counted)
    Fold.objects.filter(name=NAME).update(leaves=position.leaves + len(leaves))
    return len(leaves)


def leaves_from(start: int, limit: int) -> list[bytes]:
    """Return the leaves at the places from `start` on, at most `limit`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.leaf FROM audit_leaf l JOIN audit_entry e ON e.seq = l.seq"
            ' WHERE l."index" >= %s ORDER BY l."index" LIMIT %s',
            [start, limit],
        )
        return [bytes(row[0]) for row in cursor.fetchall()]


def _by_day(leaves: list[dict[str, Any]]) -> dict[tuple[UUID, date], Day]:
    counted = [
        one
        for one in leaves
        if one["type"] in {EntryType.RECORD_READ, EntryType.RECORD_REFUSED} and "grant" in one
    ]
    refs = {one["grant"] for one in counted}
    grants = {
        ref: (pk, ZoneInfo(zone))
        for ref, pk, zone in Grant.objects.filter(ref__in=refs).values_list("ref", "pk", "zone")
    }
    days: dict[tuple[UUID, date], Day] = {}
    for one in counted:
        if (found := grants.get(one["grant"])) is None:
            continue
        at = datetime.fromisoformat(one["time"])
        day = days.setdefault((found[0], at.astimezone(found[1]).date()), Day(at))
        # The entry that closes a window of identical refusals stands for all but the first.
        times = one.get("repeats", 1)
        if one["type"] == EntryType.RECORD_READ:
            day.reads += 1
        else:
            day.refusals += times
        day.last_at = max(day.last_at, at)
    return days


def _add(grant_id: UUID, day: date, counted: Day) -> None:
    row, made = GrantActivity.objects.get_or_create(
        grant_id=grant_id,
        day=day,
        defaults={
            "reads": counted.reads,
            "refusals": counted.refusals,
            "last_at": counted.last_at,
        },
    )
    if not made:
        GrantActivity.objects.filter(pk=row.pk).update(
            reads=F("reads") + counted.reads,
            refusals=F("refusals") + counted.refusals,
            last_at=Greatest("last_at", counted.last_at),
        )
