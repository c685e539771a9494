"""Entries in the log, both steps of the sequencer, and what must hold afterwards."""

from django.db import transaction

from audit import anchor, log, merkle, notes, publishing, sequencer, tiles
from audit.models import Checkpoint, Leaf, LogState
from tests.audit.conftest import plain


def append(count: int = 1, **changes: object) -> None:
    with transaction.atomic():
        log.append_many([plain(count=n, **changes) for n in range(count)])


def need_sound(size: int) -> None:
    """Hold the tables to the leaves: dense, each once, root and tiles theirs."""
    rows = list(Leaf.objects.order_by("index").values_list("index", "seq", "leaf_hash"))
    assert [index for index, _, _ in rows] == list(range(size))
    assert len({seq for _, seq, _ in rows}) == size
    compact = merkle.CompactRange()
    compact.extend(bytes(hashed) for _, _, hashed in rows)
    state = LogState.objects.get()
    assert (state.size, bytes(state.root)) == (size, compact.root())
    assert bytes(state.compact) == compact.encode()
    assert merkle.root_of(size, tiles.Tiles(tiles.from_database).node) == compact.root()


def need_published(size: int) -> None:
    """Hold the anchor to the same: a signature that verifies, and every file it covers."""
    note = anchor.published_note()
    assert note is not None
    assert note == anchor.signed_note() == Checkpoint.objects.get(size=size).note
    said = notes.open_checkpoint(note, [publishing.verifier_key()])
    assert said.size == size
    compact = merkle.CompactRange()
    for start in range(0, size, 256):
        data = anchor.read(tiles.path("entries", start // 256, min(256, size - start)))
        assert data is not None
        compact.extend(merkle.leaf_hash(each) for each in tiles.unbundle(data))
    assert compact.root() == said.root
    for level, n, width in tiles.extents(size):
        for each in range(n + 1):
            wide = width if each == n else 256
            hashes = anchor.read(tiles.path(level, each, wide))
            assert hashes == tiles.from_database(level, each)[: wide * 32]


def both_steps() -> None:
    sequencer.sequence_once()
    sequencer.publish()
