"""Brings back from the anchor what a restored database has lost of the log, step by step.

The log never forks: the entries that were signed come back at their places, byte for byte. A
step is the rest of one bundle, and one transaction together with what consent/recovery does
about its entries. The size of the log says how far a run has come, so a killed one goes on
where it was; until the last step is done the database is behind its anchor and serves nobody.

Details of lost entries are gone. Whom an entry was about can often still be told: `link`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from audit import anchor, leaf, log, merkle, publishing, storing, tiles
from audit.drafts import Draft
from audit.exceptions import AnchorMissing, LogForked, NotInTransaction
from audit.merkle import CompactRange
from audit.models import Checkpoint, Detail, Entry, LogState, Pending, Tally
from audit.notes import Checkpoint as Signed
from audit.tiles import WIDTH
from audit.types import EntryType

# What a detail row holds whose text was lost; the row still says whom the entry is about.
LOST_DETAIL = b""


class Lost(NamedTuple):
    """A signed entry that the restored database did not have. `seq` once it is back."""

    place: int
    fields: dict[str, Any]
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What the database lacks: the places [first, signed.size), of which [first, size) are back.

    `began` is the sequence number of the `log.recovered` of a run that has begun.
    """

    first: int
    size: int
    signed: Signed
    began: int | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the database has everything that was signed."""
        return self.size >= self.signed.size


def gap() -> Gap:
    """Return what the database lacks of what was signed.

    Raises LogForked where the anchor holds what our log key never signed, AnchorMissing where
    there is no anchor to recover from.
    """
    note = anchor.signed_note()
    if note is None:
        if Checkpoint.objects.exists():
            raise AnchorMissing(f"there is no signed checkpoint in {anchor.directory()}")
        signed = Signed(settings.LOG_ORIGIN, 0, merkle.EMPTY_ROOT)
    else:
        # Whoever can write the anchor's files could else have pods erased by an invented leaf.
        signed = publishing.opened(note)
    state = LogState.objects.filter(origin=settings.LOG_ORIGIN).first()
    size = state.size if state else 0
    first, began = _begun(signed.size) or (size, None)
    return Gap(first=first, size=size, signed=signed, began=began)


def begin(found: Gap) -> Gap:
    """Say in the log where the gap begins, once for all runs that it takes to close it."""
    _need_transaction()
    if found.began is not None:
        return found
    made = log.append(
        Draft(
            type=EntryType.LOG_RECOVERED,
            role="system",
            first=found.first,
            size=found.signed.size,
        )
    )
    return replace(found, began=made.seq)


def lost(found: Gap) -> Iterator[Lost]:
    """Yield the signed entries that the restored database lacked, in their order.

    Those that it held as pending are not among them, those that are back already are. Raises
    LogForked, before the first one, where the bundles are not what was signed or do not
    continue what the database holds.
    """
    if found.is_closed:
        return
    _need_whole(found)
    numbered = enumerate(_leaves(found, found.first, found.signed.size), start=found.first)
    while read := [(place, leaf.decode(data)) for place, data in islice(numbered, WIDTH)]:
        there = _already_there(found, [UUID(said["id"]) for _, said in read])
        yield from (Lost(place, said) for place, said in read if UUID(said["id"]) not in there)


def put_back(found: Gap) -> list[Lost]:
    """Put the next entries back at their places, to the end of their bundle.

    Returns those that the database lacked. Entries that were pending are recognized by their
    event id; those that the anchor does not know stay pending and will follow. Needs an open
    transaction. Raises LogForked.
    """
    _need_transaction()
    state = _locked_state()
    end = min(found.signed.size, (state.size // WIDTH + 1) * WIDTH)
    data = list(_leaves(found, state.size, end))
    hashes = [merkle.leaf_hash(each) for each in data]
    seqs, lacked = _entries(data, hashes)
    compact = CompactRange.decode(state.size, bytes(state.compact))
    compact.extend(hashes)
    storing.add_leaves(state.size, list(zip(seqs, hashes, strict=True)))
    storing.put_tiles(tiles.grow(state.size, tiles.from_database, hashes))
    storing.no_longer_pending(seqs)
    LogState.objects.filter(origin=state.origin).update(
        size=compact.size, root=compact.root(), compact=compact.encode()
    )
    if compact.size == found.signed.size:
        _finish(found, compact)
    return [each._replace(place=state.size + each.place) for each in lacked]


def link(found: Iterable[tuple[Lost, str]]) -> None:
    """Remember whom entries that are back were about; what their details said is lost.

    Counts of reads, the activity page and the erasure of a person go by these rows.
    """
    Detail.objects.bulk_create(
        Detail(
            seq=each.seq,
            person=person,
            grant_ref=each.fields.get("grant"),
            type=each.fields["type"],
            at=datetime.fromisoformat(each.fields["time"]),
            sealed=LOST_DETAIL,
        )
        for each, person in found
        if each.seq is not None and "commitment" in each.fields
    )


def _begun(signed: int) -> tuple[int, int] | None:
    """Return where the gap began and the number of the entry that says so, if a run was killed."""
    waiting = Pending.objects.values("seq")
    for entry in Entry.objects.filter(type=EntryType.LOG_RECOVERED, seq__in=waiting):
        said = leaf.decode(bytes(entry.leaf))
        if said["size"] == signed:
            return said["first"], entry.seq
    return None


def _already_there(found: Gap, ids: Sequence[UUID]) -> set[UUID]:
    """Return which events the restored database knew: not those that this recovery inserted."""
    known = Entry.objects.filter(event_id__in=ids)
    if found.began is not None:
        known = known.filter(seq__lt=found.began)
    return set(known.values_list("event_id", flat=True))


def _entries(data: Sequence[bytes], hashes: Sequence[bytes]) -> tuple[list[int], list[Lost]]:
    """Return the sequence numbers of these leaves, and those that had to be inserted."""
    fields = [leaf.decode(each) for each in data]
    ids = [UUID(each["id"]) for each in fields]
    there = {each.event_id: each for each in Entry.objects.filter(event_id__in=ids)}
    for event_id, said in zip(ids, data, strict=True):
        if event_id in there and bytes(there[event_id].leaf) != said:
            raise LogForked("an entry of the database says something else than was signed")
    lacking = [n for n, event_id in enumerate(ids) if event_id not in there]
    made = Entry.objects.bulk_create(
        Entry(event_id=ids[n], type=fields[n]["type"], leaf=data[n], leaf_hash=hashes[n])
        for n in lacking
    )
    # Their floods are counted already: an old window must not count them twice.
    Tally.objects.filter(of__in=[said["of"] for said in fields if "repeats" in said]).delete()
    there |= {each.event_id: each for each in made}
    new = [Lost(n, fields[n], there[ids[n]].seq) for n in lacking]
    return [there[event_id].seq for event_id in ids], new


def _finish(found: Gap, compact: CompactRange) -> None:
    note = anchor.signed_note()
    if compact.root() != found.signed.root or note is None:
        raise LogForked("the rebuilt log is not what was signed")
    publishing.record(found.signed, note)


def _need_whole(found: Gap) -> None:
    """Check that what the database has and what the bundles have lead to what was signed."""
    compact = merkle.left_edge(found.first, tiles.Tiles(tiles.from_database).node)
    for data in _leaves(found, found.first, found.signed.size):
        compact.append(merkle.leaf_hash(data))
    if (compact.size, compact.root()) != (found.signed.size, found.signed.root):
        raise LogForked("database and bundles together are not what was signed")


def _leaves(found: Gap, first: int, end: int) -> Iterator[bytes]:
    """Yield the leaves of [first, end) from the anchor's bundles."""
    for n in range(first // WIDTH, -(-end // WIDTH)):
        start = n * WIDTH
        path = tiles.path("entries", n, min(WIDTH, found.signed.size - start))
        data = anchor.read(path)
        if data is None:
            raise LogForked(f"the anchor lacks {path}")
        yield from tiles.unbundle(data)[max(0, first - start) : end - start]


def _locked_state() -> LogState:
    LogState.objects.get_or_create(
        origin=settings.LOG_ORIGIN,
        defaults={"size": 0, "root": merkle.EMPTY_ROOT, "compact": b""},
    )
    return LogState.objects.select_for_update().get(origin=settings.LOG_ORIGIN)


def _need_transaction() -> None:
    if not connection.in_atomic_block:
        raise NotInTransaction("the log is rebuilt together with what it tells")
