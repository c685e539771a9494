"""The guard for a page of changes: as for a read, with what changed since a place instead.

A record that is hidden or lies outside the granted span is gone for the partner, like a deleted
one; it is named only where it may have been told before.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from consent.access import columns, guard, guard_sqlite
from consent.access.cursors import Cursor
from consent.access.orders import MOST_BYTES, Order, SealedRecord
from consent.access.statements import fetch_all
from vault import positions

_LISTED = """, listed AS MATERIALIZED (
  SELECT * FROM (
    SELECT r.id, r.change, r.obtained_at, r.hidden_at IS NULL
           AND (%(since)s::timestamptz IS NULL OR coalesce(r.occurred_at, r.obtained_at) >= %(since)s::timestamptz)
           AND (%(until)s::timestamptz IS NULL OR coalesce(r.occurred_at, r.obtained_at) < %(until)s::timestamptz)
           AS is_there
      FROM vault_record r, fresh
     WHERE r.pod_id = %(pod)s AND r.category = %(category)s
       AND (r.change, r.id) > (%(change)s::bigint, %(after)s::uuid)
     UNION ALL
    SELECT d.id, d.change, d.obtained_at, false
      FROM vault_deletedrecord d, fresh
     WHERE d.pod_id = %(pod)s AND d.category = %(category)s
       AND (d.change, d.id) > (%(change)s::bigint, %(after)s::uuid)
  ) x
   WHERE is_there OR obtained_at < %(told_before)s::timestamptz
   ORDER BY change, id LIMIT %(limit)s
), found AS MATERIALIZED (
  SELECT r.id, r.version, r.key_version, r.source, r.source_partner, r.source_name,
         r.obtained_at, r.occurred_at, r.sealed
    FROM listed l JOIN vault_record r ON r.id = l.id WHERE l.is_there
)"""
_ANSWER = """
SELECT (SELECT size FROM audit_logstate LIMIT 1), {used}, {settled},
       l.change, l.id, l.is_there,
       r.id, r.version, r.key_version, r.source, r.source_partner, r.source_name,
       r.obtained_at, r.occurred_at, r.sealed
  FROM entered LEFT JOIN listed l ON true LEFT JOIN {records} r ON r.id = l.id
 ORDER BY l.change, l.id"""


def _statement(count: str) -> str:
    records = "served" if count == "each" else "found"
    used = "(SELECT used FROM counted)" if count == "one" else "NULL"
    parts = [guard.LOCKED, _LISTED]
    if count:
        parts.append(guard.COUNTED_EACH if count == "each" else guard.COUNTED)
    parts.append(guard.ENTRY.format(allowed="counted" if count else "fresh"))
    return "".join((*parts, _ANSWER.format(records=records, used=used, settled=positions.SETTLED)))


_STATEMENTS = {count: _statement(count) for count in ("", "one", "each")}


@dataclass(frozen=True, slots=True)
class Change:
    """One record that was added or changed, or is gone. `record` is None for one that is gone."""

    change: int
    id: UUID
    is_there: bool
    record: SealedRecord | None


@dataclass(frozen=True, slots=True)
class Page:
    """What the guard let through."""

    log_size: int
    used: int | None
    settled: int
    changes: list[Change]
    has_more: bool


def confirm(order: Order, cursor: Cursor, limit: int) -> Page | None:
    """Confirm one page as `guard.confirm` confirms a read; None: decide again."""
    if connection.vendor == "sqlite":
        rows = guard_sqlite.confirm_changes(order, cursor, limit + 1)
    else:
        kind = "" if order.count is None else "one" if order.count.bucket else "each"
        rows = fetch_all(_STATEMENTS[kind], _parameters(order, cursor, limit + 1))
    return _page(rows, limit) if rows else None


def _parameters(order: Order, cursor: Cursor, limit: int) -> dict[str, Any]:
    return guard.parameters(order) | {
        "change": cursor.change,
        "after": cursor.id,
        "told_before": cursor.told_before,
        "limit": limit,
    }


def _page(rows: list[tuple[Any, ...]], limit: int) -> Page:
    log_size, used, settled = rows[0][0] or 0, rows[0][1], rows[0][2]
    changes: list[Change] = []
    size = 0
    for row in rows:
        if row[3] is None:
            break
        record = SealedRecord.of(row[6:]) if row[6] is not None else None
        size += len(record.sealed) if record else 0
        if changes and (len(changes) == limit or size > MOST_BYTES):
            return Page(log_size, used, settled, changes, has_more=True)
        changes.append(Change(row[3], columns.uuid(row[4]), bool(row[5]), record))
    return Page(log_size, used, settled, changes, has_more=False)
