"""The entries of a range, read in order and written out side by side in one pass."""

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from audit import tiles
from audit.drafts import detail_context
from audit.exports import tables
from audit.exports.cutting import Cut
from audit.exports.scopes import Scope
from audit.exports.sheets import Sheet, Sheets
from keys import sealing, tree
from keys.exceptions import KeyErased, NeverHadAKey, Tampered

CHUNK = 2048  # rows in memory
KEPT_KEYS = 1000  # opened audit keys in memory
R = 32  # bytes of r at the end of a detail
ERASING = frozenset({"pod.erased", "category.erased", "key.destroyed", "hold.destroyed"})
Progress = Callable[[int, int], None]  # (entries done, entries in all)


def no_progress(done: int, whole: int) -> None:
    """Tell nobody how far we are."""


class Row(NamedTuple):
    """One entry at its place. The leaf is empty where the database lost it."""

    place: int
    seq: int
    leaf: bytes


def rows(first: int, last: int) -> Iterator[list[Row]]:
    """Yield the entries of [first, last) in lists, every index exactly once.

    What the database lost is an empty leaf: the bundle then fails its verification, instead of
    not being there.
    """
    for begin in range(first, last, CHUNK):
        end = min(begin + CHUNK, last)
        found = {index: Row(index, seq, leaf) for index, seq, leaf in _fetch(begin, end)}
        yield [found.get(index) or Row(index, -1, b"") for index in range(begin, end)]


def _fetch(begin: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT l."index", l.seq, e.leaf FROM audit_leaf l'
            " LEFT JOIN audit_entry e ON e.seq = l.seq"
            ' WHERE l."index" >= %s AND l."index" < %s ORDER BY l."index"',
            [begin, end],
        )
        for index, seq, leaf in cursor.fetchall():
            # A line feed would make two lines of one leaf; no leaf of ours has one.
            yield index, seq, b"" if leaf is None else bytes(leaf).replace(b"\n", b" ")


def write_entries(sheets: Sheets, cut: Cut, scope: Scope, progress: Progress) -> None:
    """Write leaves, erasures, the table, and the openings in scope."""
    leaves, erasures = sheets.open("leaves.ndjson"), sheets.open("erasures.ndjson")
    table = tables.Table(sheets.open("entries.csv"))
    openings = None if scope.is_empty else Openings(sheets.open("openings.ndjson"), scope)
    for chunk in rows(cut.first, cut.last):
        leaves.write(b"".join(row.leaf + b"\n" for row in chunk))
        read = [(row, _fields(row.leaf)) for row in chunk]
        _write_erasures(erasures, read)
        table.write(read)
        if openings is not None:
            openings.write(read)
        progress(chunk[-1].place + 1 - cut.first, cut.last - cut.first)


def write_blocks(sheet: Sheet, cut: Cut) -> None:
    """Write the root of every full block of 256 entries: they say where a difference lies."""
    node = tiles.Tiles(tiles.from_database, keep=2).node
    for n in range(-(-cut.first // tiles.WIDTH), cut.last // tiles.WIDTH):
        root = node(tiles.HEIGHT, n)
        sheet.write(_line({"block": n, "root": base64.b64encode(root).decode()}))


def _fields(leaf: bytes) -> dict[str, Any]:
    """Return what a leaf says, nothing where it cannot be read: the verifier will tell."""
    with suppress(orjson.JSONDecodeError):
        fields = orjson.loads(leaf)
        if isinstance(fields, dict):
            return fields
    return {}


def _write_erasures(sheet: Sheet, read: list[tuple[Row, dict[str, Any]]]) -> None:
    for row, fields in read:
        if fields.get("type") in ERASING:
            told: dict[str, Any] = {key: fields.get(key) for key in ("type", "id", "time")}
            sheet.write(_line(told | {"index": row.place}))


class Openings:
    """Writes the details in scope, each with the r that its commitment was made with."""

    def __init__(self, sheet: Sheet, scope: Scope) -> None:
        self._sheet, self._scope = sheet, scope
        self._keys: dict[bytes, bytes | None] = {}

    def write(self, read: list[tuple[Row, dict[str, Any]]]) -> None:
        """Write the openings of these entries."""
        seqs = [row.seq for row, _ in read]
        sealed = {
            each.seq: bytes(each.sealed)
            for each in self._scope.details().filter(seq__gte=min(seqs), seq__lte=max(seqs))
        }
        for row, fields in read:
            if "commitment" in fields and (row.seq in sealed or self._scope.everything):
                self._sheet.write(_line(self._opening(row, fields, sealed.get(row.seq))))

    def _opening(self, row: Row, fields: dict[str, Any], sealed: bytes | None) -> dict[str, Any]:
        # Empty: the text was lost with a database, and only whom it was about came back.
        opened = self._open(fields, sealed) if sealed else None
        if opened is None:
            return {"index": row.place, "erased": True}
        return {
            "index": row.place,
            "detail": opened[:-R].decode(),
            "r": base64.b64encode(opened[-R:]).decode(),
        }

    def _open(self, fields: dict[str, Any], sealed: bytes) -> bytes | None:
        key = self._key(sealing.header(sealed).key_id)
        if key is None:
            return None
        context = detail_context(UUID(fields["id"]), fields["type"])
        try:
            return sealing.open_sealed(key, sealed, context=context)
        except Tampered:
            # Show it as it is: a detail that does not match its commitment.
            return b"tampered" + bytes(R)

    def _key(self, key_id: bytes) -> bytes | None:
        if key_id not in self._keys:
            if len(self._keys) >= KEPT_KEYS:
                self._keys.clear()
            self._keys[key_id] = _audit_key(key_id)
        return self._keys[key_id]


def _audit_key(key_id: bytes) -> bytes | None:
    try:
        return tree.open_audit_key(UUID(bytes=key_id))
    except (KeyErased, NeverHadAKey):
        return None


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
