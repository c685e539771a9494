"""Reads entries back, details opened: what a person sees of the log about them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet

from audit import leaf
from audit.drafts import detail_context
from audit.models import Detail, Entry, Leaf
from keys import sealing, tree
from keys.exceptions import KeyErased, NeverHadAKey, Tampered

MOST = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry, with its detail where that can still be opened."""

    seq: int
    event_id: UUID
    at: datetime
    type: str
    leaf: dict[str, Any]
    detail: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Opening:
    """What a leaf committed to: anybody can check `commit(r, type, detail)` against it."""

    detail: bytes
    r: bytes


def of_person(
    person: str,
    *,
    before: int | None = None,
    limit: int = 50,
    types: Collection[str] | None = None,
    grants: Collection[str] | None = None,
) -> list[Seen]:
    """Return the newest entries about somebody, older than the sequence number `before`.

    Raises ProviderAway where keys cannot be opened just now, Tampered where a detail was
    changed or moved: better no page than a wrong one.
    """
    rows = Detail.objects.filter(person=person).order_by("-seq")
    if before is not None:
        rows = rows.filter(seq__lt=before)
    if types is not None:
        rows = rows.filter(type__in=types)
    if grants is not None:
        rows = rows.filter(grant_ref__in=grants)
    return seen(rows[: min(limit, MOST)])


def of_grant(grant_ref: str, *, types: Collection[str] | None = None) -> QuerySet[Detail]:
    """Return the detail rows of one grant: what obligations ask ("was anything ever read?")."""
    rows = Detail.objects.filter(grant_ref=grant_ref)
    return rows if types is None else rows.filter(type__in=types)


def seen(rows: QuerySet[Detail] | Sequence[Detail]) -> list[Seen]:
    """Return detail rows with their leaves, in the same order."""
    details = list(rows)
    entries = {each.seq: each for each in Entry.objects.filter(seq__in=[d.seq for d in details])}
    open_once = cache(_audit_key)
    return [_seen(each, entries[each.seq], open_once) for each in details if each.seq in entries]


def opening(detail: Detail, event_id: UUID) -> Opening | None:
    """Return detail and r of one row; None once the person's audit key was destroyed.

    Raises Tampered where the row was changed or moved.
    """
    return _opening(detail, event_id, _audit_key)


def index_of(seqs: Collection[int]) -> Mapping[int, int]:
    """Return the place in the tree of those entries that have one already."""
    return dict(Leaf.objects.filter(seq__in=seqs).values_list("seq", "index"))


def in_order(first: int, end: int, step: int = 2048) -> Iterator[tuple[int, Entry]]:
    """Yield (index, entry) of the places [first, end), a few at a time."""
    for start in range(first, end, step):
        places = dict(
            Leaf.objects.filter(index__gte=start, index__lt=min(start + step, end)).values_list(
                "seq", "index"
            )
        )
        entries = Entry.objects.filter(seq__in=places)
        yield from sorted(((places[each.seq], each) for each in entries), key=lambda pair: pair[0])


def _seen(detail: Detail, entry: Entry, open_key: Any) -> Seen:
    opened = _opening(detail, entry.event_id, open_key)
    return Seen(
        seq=detail.seq,
        event_id=entry.event_id,
        at=detail.at,
        type=detail.type,
        leaf=leaf.decode(bytes(entry.leaf)),
        detail=orjson.loads(opened.detail) if opened else None,
    )


def _opening(detail: Detail, event_id: UUID, open_key: Any) -> Opening | None:
    sealed = bytes(detail.sealed)
    if not sealed:
        return None  # lost with a database; see audit/recovering.py
    key = open_key(UUID(bytes=sealing.header(sealed).key_id))
    if key is None:
        return None
    opened = sealing.open_sealed(key, sealed, context=detail_context(event_id, detail.type))
    return Opening(opened[:-32], opened[-32:])


def _audit_key(key_id: UUID) -> bytes | None:
    try:
        return tree.open_audit_key(key_id)
    except KeyErased:
        return None
    except NeverHadAKey:
        # Nobody sealed anything under a key that never was.
        raise Tampered from None
