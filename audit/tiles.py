"""Tiles of 256 hashes and bundles of 256 entries, as in C2SP tlog-tiles.

A tile of level L holds roots of complete subtrees of 256^L leaves. A full tile never changes;
the one at the right edge grows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from audit.exceptions import ProofWrong
from audit.merkle import HASH_SIZE, node_hash, root_of
from audit.models import Tile

WIDTH = 256
HEIGHT = 8  # 2^8 hashes in a tile
Fetch = Callable[[int, int], bytes]  # (level, n) → the hashes of a tile, as many as there are


def path(level: int | str, n: int, width: int = WIDTH) -> str:
    """Return the path of a tile; `level` is "entries" for a bundle."""
    groups = [f"{n % 1000:03}"]
    while n >= 1000:
        n //= 1000
        groups.append(f"x{n % 1000:03}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def extents(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (level, n, width) of the tile at the right edge of each level."""
    level = 0
    while size:
        # A complete tile at the edge is an edge, too: there is no empty one after it.
        yield level, (size - 1) // WIDTH, (size - 1) % WIDTH + 1
        size //= WIDTH
        level += 1


def grow(size: int, edge: Fetch, hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Return every tile that is new or longer once `hashes` follow after `size` leaves.

    `edge` returns the right-edge tile of a level; it is asked only where that is partial.
    """
    grown: dict[tuple[int, int], bytes] = {}
    level = 0
    while hashes:
        n, width = divmod(size, WIDTH)
        data = (edge(level, n) if width else b"") + b"".join(hashes)
        above = []
        for start in range(0, len(data), WIDTH * HASH_SIZE):
            tile = data[start : start + WIDTH * HASH_SIZE]
            grown[level, n] = tile
            n += 1
            if len(tile) == WIDTH * HASH_SIZE:
                above.append(root(tile))
        level, size, hashes = level + 1, size // WIDTH, above
    return grown


def root(tile: bytes) -> bytes:
    """Return the root over 2^k hashes that stand one after the other."""
    if len(tile) % HASH_SIZE or (len(tile) // HASH_SIZE).bit_count() != 1:
        raise ProofWrong("not the hashes of a complete subtree")
    row = [tile[i : i + HASH_SIZE] for i in range(0, len(tile), HASH_SIZE)]
    while len(row) > 1:
        pairs = iter(row)
        row = [node_hash(left, right) for left, right in zip(pairs, pairs, strict=True)]
    return row[0]


class Tiles:
    """Reads nodes of the tree out of tiles, and keeps the tiles it has read."""

    def __init__(self, fetch: Fetch, keep: int = 256) -> None:
        self._fetch = lru_cache(maxsize=keep)(fetch)

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the complete subtree `index` of 2^level leaves."""
        # A node above level 8 of a full tile is kept in the tile of the next level.
        above, height = divmod(level, HEIGHT)
        start = index << height
        n, offset = divmod(start, WIDTH)
        hashes = self._fetch(above, n)[offset * HASH_SIZE : (offset + (1 << height)) * HASH_SIZE]
        if len(hashes) != HASH_SIZE << height:
            raise ProofWrong("the tile does not reach that far")
        return root(hashes)


def from_database(level: int, n: int) -> bytes:
    """Return the hashes of a tile as the database has it."""
    found = Tile.objects.filter(level=level, n=n).values_list("hashes", flat=True).first()
    return b"" if found is None else bytes(found)


def root_in_database(size: int) -> bytes | None:
    """Return the root of the first `size` leaves; None where the tiles do not give one."""
    try:
        return root_of(size, Tiles(from_database).node)
    except ProofWrong:
        return None


def bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries one after the other, each after its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle. Raises ProofWrong where it was cut off."""
    entries, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        if len(entry) != length or at + 2 > len(data):
            raise ProofWrong("the bundle was cut off")
        entries.append(entry)
        at += 2 + length
    return entries


def batched(items: Iterable[bytes], size: int = WIDTH) -> Iterator[list[bytes]]:
    """Yield the items in lists of `size`; the last may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
