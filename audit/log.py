"""Appends entries to the log: in the transaction of what they tell, or not at all."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from audit import anchor
from audit.drafts import Draft, Row, compose
from audit.exceptions import NotInTransaction
from audit.models import Detail, Entry, Pending
from audit.statements import binary_cursor
from keys import tree

__all__ = ["Appended", "Draft", "Row", "append", "append_many", "compose", "insert", "insert_many"]


class Appended(NamedTuple):
    """Where an entry was put: not yet in the tree, but certain to come there."""

    seq: int
    event_id: UUID


def append(draft: Draft) -> Appended:
    """Append one entry to the transaction that is open.

    Raises NotInTransaction, LeafRefused, LogShrank; KeyErased where the person's details were
    erased. Whoever cannot append must not act.
    """
    _need_transaction()
    return insert(prepared(draft))


def prepared(draft: Draft) -> Row:
    """Return the row of a draft, its person's audit key opened."""
    return compose(draft, _audit_key(draft, tree.open_audit_key))


def append_many(drafts: Sequence[Draft]) -> None:
    """Append entries in this order, with as few statements for thousands as for one.

    Waits for no answer, so that it can be the last of a pipeline.
    """
    _need_transaction()
    open_once = cache(tree.open_audit_key)
    insert_many([compose(each, _audit_key(each, open_once)) for each in drafts])


def insert(row: Row) -> Appended:
    """Insert an entry with its detail and its pending mark. Needs an open transaction."""
    _need_transaction()
    if connection.vendor != "postgresql":
        return _insert_plainly([row])[0]
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [row.event_id, row.type, row.leaf, row.leaf_hash,
             row.person, row.grant_ref, row.type, row.at, row.detail, row.detail],
        )  # fmt: skip
        (seq,) = cursor.fetchone()
    return Appended(seq, row.event_id)


# One round trip. The sequence number is drawn here, after every lock that was taken before.
_INSERT = """
WITH entry AS (
    INSERT INTO audit_entry (event_id, type, leaf, leaf_hash) VALUES (%s, %s, %s, %s) RETURNING seq
), pending AS (
    INSERT INTO audit_pending (seq) SELECT seq FROM entry
), detail AS (
    INSERT INTO audit_detail (seq, person, grant_ref, type, at, sealed)
    SELECT seq, %s::varchar, %s::varchar, %s::varchar, %s::timestamptz, %s::bytea FROM entry
    WHERE %s::bytea IS NOT NULL
)
SELECT seq FROM entry
"""


def insert_many(rows: Sequence[Row]) -> None:
    """Insert entries in this order."""
    _need_transaction()
    if not rows:
        return
    if connection.vendor != "postgresql":
        _insert_plainly(rows)
        return
    columns: list[Any] = [
        [row.event_id for row in rows], [row.type for row in rows], [row.leaf for row in rows],
        [row.leaf_hash for row in rows], [row.person for row in rows],
        [row.grant_ref for row in rows], [row.at for row in rows], [row.detail for row in rows],
    ]  # fmt: skip
    with binary_cursor() as cursor:
        cursor.execute(_INSERT_MANY, columns)


# One array a column, sent as bytes: a thousand entries in one statement, and none of them
# passes through a model. The numbers are drawn in the order of the sort.
_INSERT_MANY = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(%b::uuid[], %b::varchar[], %b::bytea[], %b::bytea[],
                         %b::varchar[], %b::varchar[], %b::timestamptz[], %b::bytea[])
        WITH ORDINALITY
        AS g (event_id, type, leaf, leaf_hash, person, grant_ref, at, detail, place)
), entry AS (
    INSERT INTO audit_entry (event_id, type, leaf, leaf_hash)
    SELECT event_id, type, leaf, leaf_hash FROM given ORDER BY place RETURNING seq, event_id
), pending AS (
    INSERT INTO audit_pending (seq) SELECT seq FROM entry
)
INSERT INTO audit_detail (seq, person, grant_ref, type, at, sealed)
SELECT seq, person, grant_ref, type, at, detail FROM entry JOIN given USING (event_id)
WHERE detail IS NOT NULL
"""


def _insert_plainly(rows: Sequence[Row]) -> list[Appended]:
    entries = Entry.objects.bulk_create(
        Entry(event_id=row.event_id, type=row.type, leaf=row.leaf, leaf_hash=row.leaf_hash)
        for row in rows
    )
    Pending.objects.bulk_create([Pending(seq=entry.seq) for entry in entries])
    Detail.objects.bulk_create(
        Detail(seq=entry.seq, person=row.person, grant_ref=row.grant_ref, type=row.type,
               at=row.at, sealed=row.detail)
        for entry, row in zip(entries, rows, strict=True)
        if row.person is not None and row.detail is not None
    )  # fmt: skip
    return [Appended(entry.seq, entry.event_id) for entry in entries]


def _audit_key(draft: Draft, open_key: Callable[[UUID], bytes]) -> bytes | None:
    # compose() refuses a person without a key; here there is just nothing to open.
    return None if draft.person is None or draft.audit_key is None else open_key(draft.audit_key)


def _need_transaction() -> None:
    anchor.need_whole()
    if not connection.in_atomic_block:
        raise NotInTransaction("append inside the transaction of what the entry tells")
