"""What passes between the decision and the guard: an order to read, and what it let through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from audit.log import Row
from consent.access import columns
from consent.access.decision import Facts

MOST_RECORDS = 200  # in one answer, newest first
MOST_BYTES = 8 * 1024 * 1024  # sealed, in one answer; one larger record still goes alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How a read is counted: in one bucket, or in one a record."""

    bucket: str  # "" counts each record under "record:<id>"
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The span of `occurred_at` (or `obtained_at`) that was granted."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatable:
    """What makes a counted read repeatable with the same key (6.4)."""

    key: str
    body_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One read, decided and ready to be confirmed."""

    facts: Facts
    category: str  # whose records are read; a view's are another category's
    entry: Row
    window: Window
    count: Count | None = None
    repeatable: Repeatable | None = None


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record as it lies in the pod."""

    id: UUID
    version: int
    key_version: int
    source: str
    source_partner: str | None
    source_name: str
    obtained_at: datetime
    occurred_at: datetime | None
    sealed: bytes

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Return the record of a row of the guard."""
        return cls(
            columns.uuid(row[0]), row[1], row[2], row[3], row[4], row[5],
            columns.moment(row[6]), columns.moment(row[7]), bytes(row[8]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What the guard let through."""

    log_size: int
    used: int | None  # reads counted in this window, this one included
    records: list[SealedRecord]
    has_more: bool


def confirmed(rows: Sequence[tuple[Any, ...]]) -> Confirmed:
    """Return the guard's rows as records; the one row of an empty category holds none.

    A row is: size of the log, reads used, then the columns of a record.
    """
    log_size, used = rows[0][0] or 0, rows[0][1]
    records: list[SealedRecord] = []
    size = 0
    for row in rows:
        if row[2] is None:
            break
        record = SealedRecord.of(row[2:])
        size += len(record.sealed)
        if records and (len(records) == MOST_RECORDS or size > MOST_BYTES):
            return Confirmed(log_size, used, records, has_more=True)
        records.append(record)
    return Confirmed(log_size, used, records, has_more=False)
