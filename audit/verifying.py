"""Re-derives the log from its entries and says where it first differs from what was signed.

The operator's own look, inside the database. The one that trusts nobody is audit/verify/.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from audit import anchor, merkle, notes, publishing, tiles
from audit.detailed import details_against_leaves
from audit.exceptions import AuditError, LeafMalformed, ProofWrong
from audit.finding import Finding
from audit.leaf import decode
from audit.merkle import HASH_SIZE, CompactRange
from audit.models import Checkpoint, LogState, Quarantine, Tile
from audit.tiles import WIDTH

STEP = 2048


class _Place(NamedTuple):
    place: int
    seq: int
    leaf_hash: bytes
    event_id: str | None
    type: str | None
    leaf: bytes | None
    entry_hash: bytes | None


def findings(
    advance: Callable[[int], object] = lambda _: None, *, details: bool = False
) -> Iterator[Finding]:
    """Yield every difference, the earliest place in the log first.

    `advance` is told how many leaves were looked at. Constant memory: a few tiles at a time.
    With `details`, each detail that still opens is held against its leaf's commitment.
    """
    state = LogState.objects.filter(origin=settings.LOG_ORIGIN).first()
    size = state.size if state else 0
    roots = {at: bytes(root) for at, root in Checkpoint.objects.values_list("size", "root")}
    walk = _Walk(size, roots)
    yield from walk.findings(advance)
    root = walk.compact.root()
    if state and (bytes(state.root), bytes(state.compact)) != (root, walk.compact.encode()):
        yield Finding("state-differs", f"the state of the log at size {size}")
    yield from _beyond(size)
    yield from _checkpoints(size)
    yield from _anchored(size)
    if details:
        yield from details_against_leaves()


class _Walk:
    """One pass over all leaves, in the order of their places."""

    def __init__(self, size: int, roots: dict[int, bytes]) -> None:
        self.size, self.roots, self.compact = size, roots, CompactRange()

    def findings(self, advance: Callable[[int], object]) -> Iterator[Finding]:
        for start in range(0, self.size, STEP):
            end = min(start + STEP, self.size)
            places = _places(start, end)
            yield from self._in_order(places, start, end)
            yield from _tiles_of(start, end, [place.leaf_hash for place in places])
            advance(end - start)

    def _in_order(self, places: list[_Place], start: int, end: int) -> Iterator[Finding]:
        for expected, place in zip(range(start, end), places, strict=False):
            if place.place != expected:
                yield Finding("index-missing", f"leaf {expected}")
                return
            if wrong := _wrong(place):
                yield Finding(wrong, f"leaf {place.place} (entry {place.seq})")
            self.compact.append(merkle.leaf_hash(place.leaf or b""))
            signed = self.roots.get(self.compact.size)
            if signed is not None and signed != self.compact.root():
                yield Finding("checkpoint-differs", f"the checkpoint of size {self.compact.size}")
        if len(places) < end - start:
            yield Finding("index-missing", f"leaf {start + len(places)}")


def _wrong(place: _Place) -> str | None:
    """Return what is wrong with one leaf, as a code."""
    if place.leaf is None:
        return "entry-missing"
    hashed = merkle.leaf_hash(place.leaf)
    if hashed != place.leaf_hash or hashed != place.entry_hash:
        return "leaf-changed"
    try:
        fields = decode(place.leaf)
    except LeafMalformed:
        return "leaf-malformed"
    said = (str(fields["id"]).replace("-", ""), fields["type"])
    return None if said == ((place.event_id or "").replace("-", ""), place.type) else "row-differs"


def _places(first: int, end: int) -> list[_Place]:
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT l."index", l.seq, l.leaf_hash, e.event_id, e.type, e.leaf, e.leaf_hash'
            " FROM audit_leaf l LEFT JOIN audit_entry e ON e.seq = l.seq"
            ' WHERE l."index" >= %s AND l."index" < %s ORDER BY l."index"',
            [first, end],
        )
        return [
            _Place(index, seq, bytes(hashed), str(event_id), kind, _bytes(leaf), _bytes(other))
            for index, seq, hashed, event_id, kind, leaf, other in cursor.fetchall()
        ]


def _bytes(value: bytes | memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)


def _tiles_of(start: int, end: int, hashes: list[bytes]) -> Iterator[Finding]:
    """Compare the lowest tiles with the leaves, and each level above with the one below."""
    for offset in range(0, end - start, WIDTH):
        n = (start + offset) // WIDTH
        if tiles.from_database(0, n) != b"".join(hashes[offset : offset + WIDTH]):
            yield Finding("tile-differs", f"tile 0/{n}")


def _upper_tiles(size: int) -> Iterator[Finding]:
    level, below = 1, size // WIDTH
    while below:
        for n in range((below - 1) // WIDTH + 1):
            row = range(n * WIDTH, min(below, (n + 1) * WIDTH))
            if tiles.from_database(level, n) != _roots(level - 1, row):
                yield Finding("tile-differs", f"tile {level}/{n}")
        level, below = level + 1, below // WIDTH


def _roots(level: int, row: range) -> bytes | None:
    try:
        return b"".join(tiles.root(tiles.from_database(level, n)) for n in row)
    except ProofWrong:
        return None


def _beyond(size: int) -> Iterator[Finding]:
    """Report what stands in the tables and belongs to no tree."""
    yield from _upper_tiles(size)
    for what, query, values in _STRAY:
        with connection.cursor() as cursor:
            cursor.execute(query, [size] if values else [])
            yield from (Finding(what, f"entry {seq}") for (seq,) in cursor.fetchall())
    for each in Quarantine.objects.order_by("seq"):
        yield Finding("quarantined", f"entry {each.seq}")
    for level, n in Tile.objects.filter(n__gt=size).values_list("level", "n"):
        yield Finding("tile-stray", f"tile {level}/{n}")


_STRAY = (
    ("leaf-stray", 'SELECT seq FROM audit_leaf WHERE "index" >= %s ORDER BY 1', True),
    (
        "entry-unsequenced",
        "SELECT e.seq FROM audit_entry e LEFT JOIN audit_leaf l ON l.seq = e.seq"
        " LEFT JOIN audit_pending p ON p.seq = e.seq"
        " LEFT JOIN audit_quarantine q ON q.seq = e.seq"
        " WHERE l.seq IS NULL AND p.seq IS NULL AND q.seq IS NULL ORDER BY 1",
        False,
    ),
    (
        "pending-stray",
        "SELECT p.seq FROM audit_pending p LEFT JOIN audit_entry e ON e.seq = p.seq"
        " LEFT JOIN audit_leaf l ON l.seq = p.seq"
        " WHERE e.seq IS NULL OR l.seq IS NOT NULL ORDER BY 1",
        False,
    ),
)


def _checkpoints(size: int) -> Iterator[Finding]:
    key = publishing.verifier_key()
    for each in Checkpoint.objects.order_by("size").iterator(chunk_size=STEP):
        where = f"the checkpoint of size {each.size}"
        if each.size > size:
            yield Finding("log-truncated", where)
        try:
            said = notes.open_checkpoint(each.note, [key])
        except AuditError:
            yield Finding("signature-wrong", where)
            continue
        if said != notes.Checkpoint(settings.LOG_ORIGIN, each.size, bytes(each.root)):
            yield Finding("checkpoint-differs", where)


def _anchored(size: int) -> Iterator[Finding]:
    """Compare with what lies outside the database: the signed checkpoint, tiles and bundles."""
    try:
        anchor.check_start()
        note = anchor.signed_note()
        last = publishing.opened(note) if note else None
    except AuditError as error:
        yield Finding("anchor-differs", str(error))
        return
    if last is None:
        return
    for level, n, width in tiles.extents(last.size):
        if level == 0:
            yield from _bundles(n, width, min(size, last.size))
        for each in range(n + 1):
            wide = width if each == n else WIDTH
            ours = tiles.from_database(level, each)[: wide * HASH_SIZE]
            if anchor.read(tiles.path(level, each, wide)) != ours:
                yield Finding("anchor-differs", tiles.path(level, each, wide))


def _bundles(last: int, width: int, size: int) -> Iterator[Finding]:
    for n in range(last + 1):
        path = tiles.path("entries", n, width if n == last else WIDTH)
        leaves = publishing.leaves_between(n * WIDTH, min((n + 1) * WIDTH, size))
        if anchor.read(path) != tiles.bundle(leaves):
            yield Finding("anchor-differs", path)
