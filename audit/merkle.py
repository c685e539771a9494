"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1 with SHA-256). Pure.

Sizes count leaves. A tree is read through a function `node(level, index)`: the root of the
complete subtree over the leaves [index·2^level, (index+1)·2^level). Proofs are lists of
32-byte hashes in the order of the RFC: deepest first.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from audit.exceptions import ProofWrong

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
Node = Callable[[int, int], bytes]

_sha256 = hashlib.sha256


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 ‖ leaf)."""
    return _sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees: SHA-256(0x01 ‖ left ‖ right)."""
    return _sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The roots of the complete subtrees that make up a tree, largest first.

    All that a tree needs to grow: one hash per 1-bit of its size.
    """

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count() or any(len(each) != HASH_SIZE for each in hashes):
            raise ProofWrong("a compact range holds one hash per 1-bit of its size")
        self.size = size
        self.hashes = list(hashes)

    @classmethod
    def decode(cls, size: int, data: bytes) -> "CompactRange":
        """Return the range of `size` leaves from the hashes one after the other."""
        return cls(size, [data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE)])

    def encode(self) -> bytes:
        """Return the hashes one after the other, largest subtree first."""
        return b"".join(self.hashes)

    def append(self, hash_of_leaf: bytes) -> None:
        """Grow by one leaf."""
        stack, size = self.hashes, self.size
        # Every trailing 1-bit is a complete subtree of the same size as what we carry.
        while size & 1:
            hash_of_leaf = _sha256(b"\x01" + stack.pop() + hash_of_leaf).digest()
            size >>= 1
        stack.append(hash_of_leaf)
        self.size += 1

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Grow by many leaves."""
        for each in hashes:
            self.append(each)

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        return _folded(self.hashes) if self.hashes else EMPTY_ROOT


def root_of(size: int, node: Node) -> bytes:
    """Return the root of the first `size` leaves."""
    return subtree(0, size, node) if size else EMPTY_ROOT


def left_edge(size: int, node: Node) -> CompactRange:
    """Return the compact range of the first `size` leaves, as a range proof begins with it."""
    return CompactRange(size, [node(level, index) for level, index in _complete(0, size)])


def subtree(begin: int, end: int, node: Node) -> bytes:
    """Return the root over the leaves [begin, end), where `begin` is a split of the tree."""
    return _folded([node(level, index) for level, index in _complete(begin, end)])


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return the path of leaf `index` in the tree of `size` leaves (RFC 9162 section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ProofWrong("there is no such leaf in a tree of that size")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(subtree(middle, end, node))
            end = middle
        else:
            path.append(subtree(begin, middle, node))
            begin = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """Return the proof that the first `old` leaves are the same in the tree of `new` leaves.

    RFC 9162 section 2.1.4.1. Empty where `old` is 0 or equals `new`.
    """
    if not 0 <= old <= new:
        raise ProofWrong("a tree does not shrink")
    if old in (0, new):
        return []
    path: list[bytes] = []
    begin, end = 0, new
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(subtree(middle, end, node))
            end = middle
        else:
            path.append(subtree(begin, middle, node))
            begin = middle
    # The old tree as a whole needs no hash: who checks has its root.
    if begin:
        path.append(subtree(begin, end, node))
    return path[::-1]


def verify_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the hash `leaf` stands at `index` in the tree. Raises ProofWrong.

    RFC 9162 section 2.1.3.2, plus what it leaves out: every hash is exactly 32 bytes.
    """
    if not 0 <= index < size:
        raise ProofWrong("the index lies outside the tree")
    _need_hashes([leaf, root, *proof])
    if root_from_inclusion(index, size, leaf, proof) != root:
        raise ProofWrong("the path leads to another root")


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root that a path leads to. Raises ProofWrong where its length is wrong."""
    position, last, found = index, size - 1, leaf
    for each in proof:
        if last == 0:
            raise ProofWrong("the path is too long")
        if position & 1 or position == last:
            found = node_hash(each, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, each)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofWrong("the path is too short")
    return found


def verify_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of `new` leaves begins with the tree of `old` leaves.

    Raises ProofWrong. RFC 9162 section 2.1.4.2; size 0 proves nothing and is refused: whoever
    starts from nothing needs no proof.
    """
    if not 0 < old <= new:
        raise ProofWrong("consistency is shown between trees of at least one leaf, old before new")
    if old == new:
        if proof or old_root != new_root:
            raise ProofWrong("equal sizes have equal roots and an empty proof")
        return
    if not proof:
        raise ProofWrong("the proof is empty")
    _need_hashes([old_root, new_root, *proof])
    if _both_roots(old, new, old_root, proof) != (old_root, new_root):
        raise ProofWrong("the proof leads to other roots")


def _both_roots(old: int, new: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    # A complete old tree is itself the first hash of the path.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    was = now = path[0]
    for each in path[1:]:
        if last == 0:
            raise ProofWrong("the proof is too long")
        if position & 1 or position == last:
            was, now = node_hash(each, was), node_hash(each, now)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            now = node_hash(now, each)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofWrong("the proof is too short")
    return was, now


def _split(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _complete(begin: int, end: int) -> list[tuple[int, int]]:
    """Return (level, index) of the complete subtrees of [begin, end), left to right."""
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def _folded(hashes: Sequence[bytes]) -> bytes:
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def _need_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(each) != HASH_SIZE for each in hashes):
        raise ProofWrong("every hash is exactly 32 bytes")
