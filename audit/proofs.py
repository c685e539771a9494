"""Proofs that anybody can check without us: inclusion, consistency, `.tlog-proof` files.

c2sp.org/tlog-proof. Made from tiles: a handful of rows at any size of the log.
"""

import base64
from dataclasses import dataclass
from uuid import UUID

from audit import merkle, notes, tiles
from audit.exceptions import NoteMalformed, NotSequencedYet, ProofWrong
from audit.models import Checkpoint, Entry, Leaf

HEADER = "c2sp.org/tlog-proof@v1"
LONGEST = 63  # hashes; a tree of 2^63 leaves needs no more


@dataclass(frozen=True, slots=True)
class Proof:
    """That a leaf stands at `index` in the tree of a signed checkpoint."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    @property
    def text(self) -> str:
        """Return the `.tlog-proof` file."""
        lines = [HEADER, f"index {self.index}", *(_base64(each) for each in self.hashes)]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """Read a `.tlog-proof` file. Raises ProofWrong; proves nothing by itself."""
        head, _, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        # Extra data is nobody's word: it is skipped.
        rest = lines[2:] if len(lines) > 1 and lines[1].startswith("extra ") else lines[1:]
        if lines[0] != HEADER or not rest or not rest[0].startswith("index ") or not checkpoint:
            raise ProofWrong("not a tlog-proof file")
        number = rest[0].removeprefix("index ")
        if not number.isascii() or not number.isdecimal() or str(int(number)) != number:
            raise ProofWrong("the index is not a number")
        if len(rest) - 1 > LONGEST:
            raise ProofWrong("the path is too long")
        return cls(int(number), tuple(_hash(line) for line in rest[1:]), checkpoint)


def of_entry(event_id: UUID) -> Proof:
    """Return the proof for one entry under the newest checkpoint.

    Raises NotSequencedYet as long as no published checkpoint covers it (normally 2 s).
    """
    seq = Entry.objects.values_list("seq", flat=True).get(event_id=event_id)
    index = Leaf.objects.filter(seq=seq).values_list("index", flat=True).first()
    newest = Checkpoint.objects.order_by("-size").first()
    if index is None or newest is None or newest.size <= index:
        raise NotSequencedYet("no checkpoint covers this entry yet")
    return Proof(index, tuple(inclusion(index, newest.size)), newest.note)


def inclusion(index: int, size: int) -> list[bytes]:
    """Return the path of leaf `index` in the tree of `size` leaves."""
    return merkle.inclusion_proof(index, size, _node())


def consistency(old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of `new` leaves begins with the tree of `old` leaves."""
    return merkle.consistency_proof(old, new, _node())


def left_edge(size: int) -> merkle.CompactRange:
    """Return the compact range of the first `size` leaves, with which a range export begins."""
    return merkle.left_edge(size, _node())


def verify(proof: Proof, leaf: bytes, keys: list[notes.VerifierKey]) -> notes.Checkpoint:
    """Check a proof for the bytes of a leaf and return the checkpoint it rests on.

    Raises ProofWrong, NoteMalformed, NoteUnverified, SignatureWrong.
    """
    checkpoint = notes.open_checkpoint(proof.checkpoint, keys)
    merkle.verify_inclusion(
        index=proof.index,
        size=checkpoint.size,
        leaf=merkle.leaf_hash(leaf),
        proof=proof.hashes,
        root=checkpoint.root,
    )
    return checkpoint


def _node() -> merkle.Node:
    return tiles.Tiles(tiles.from_database).node


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _hash(line: str) -> bytes:
    try:
        return notes.from_base64(line)
    except NoteMalformed:
        raise ProofWrong("a hash that is not base64") from None
