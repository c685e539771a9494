"""The tree against published vectors, and against its own definition for every size."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import merkle, tiles
from audit.exceptions import ProofWrong
from audit.merkle import CompactRange

VECTORS = Path(__file__).parent.parent / "vectors" / "merkle"
MOST = 40
LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(MOST)]


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


KNOWN = load("rfc6962-known-answers.json")
INCLUSION = load("transparency-dev-inclusion.json")
CONSISTENCY = load("transparency-dev-consistency.json")


def unbase64(text: str | None) -> bytes:
    return base64.b64decode(text) if text else b""


def defined_root(leaves: list[bytes]) -> bytes:
    """Return the root as RFC 6962 section 2.1 defines it, recursively."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(defined_root(leaves[:k]), defined_root(leaves[k:]))


def node(level: int, index: int) -> bytes:
    return defined_root(LEAVES[index << level : (index + 1) << level])


ROOTS = [defined_root(LEAVES[:n]) for n in range(MOST + 1)]


@pytest.mark.rule("RFC 6962", "2.1")
def test_known_answers() -> None:
    inputs = [bytes.fromhex(each) for each in KNOWN["leaf_inputs_hex"]]
    tree = CompactRange()
    roots = [tree.root().hex()]
    for each in inputs:
        tree.append(merkle.leaf_hash(each))
        roots.append(tree.root().hex())
    assert roots == KNOWN["root_hash_by_size_hex"]
    assert merkle.leaf_hash(b"").hex() == KNOWN["empty_leaf_hash"]
    leaf, pair = KNOWN["leaf_hash"], KNOWN["node_hash"]
    assert merkle.leaf_hash(leaf["input_ascii"].encode()).hex() == leaf["hash"]
    left, right = pair["left_ascii"].encode(), pair["right_ascii"].encode()
    assert merkle.node_hash(left, right).hex() == pair["hash"]


@pytest.mark.parametrize("case", INCLUSION.values(), ids=INCLUSION)
def test_published_inclusion_cases(case: dict[str, Any]) -> None:
    def verify() -> None:
        merkle.verify_inclusion(
            index=case["leafIdx"],
            size=case["treeSize"],
            leaf=unbase64(case["leafHash"]),
            proof=[unbase64(each) for each in case["proof"] or []],
            root=unbase64(case["root"]),
        )

    if case["wantErr"]:
        with pytest.raises(ProofWrong):
            verify()
    else:
        verify()


@pytest.mark.parametrize("case", CONSISTENCY.values(), ids=CONSISTENCY)
def test_published_consistency_cases(case: dict[str, Any]) -> None:
    def verify() -> None:
        merkle.verify_consistency(
            old=case["size1"],
            new=case["size2"],
            old_root=unbase64(case["root1"]),
            new_root=unbase64(case["root2"]),
            proof=[unbase64(each) for each in case["proof"] or []],
        )

    if case["wantErr"]:
        with pytest.raises(ProofWrong):
            verify()
    else:
        verify()


@pytest.mark.rule("standards.md 4.1", "four cases a textbook verifier gets wrong")
def test_the_known_traps_are_in_the_vectors() -> None:
    useless = [case for case in CONSISTENCY.values() if case["size1"] == 0]
    assert len(useless) >= 3
    assert all(case["wantErr"] for case in useless)
    assert INCLUSION["inclusion/0/empty-root.json"]["wantErr"]
    with pytest.raises(ProofWrong):
        merkle.verify_inclusion(index=0, size=1, leaf=b"", proof=[], root=b"")


def test_every_size_has_its_defined_root() -> None:
    tree = CompactRange()
    for size in range(MOST + 1):
        assert tree.root() == ROOTS[size] == merkle.root_of(size, node)
        assert CompactRange.decode(size, tree.encode()).root() == ROOTS[size]
        assert merkle.left_edge(size, node).hashes == tree.hashes
        if size < MOST:
            tree.append(LEAVES[size])


def test_every_leaf_of_every_size_is_proven() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, node)
            merkle.verify_inclusion(
                index=index, size=size, leaf=LEAVES[index], proof=proof, root=ROOTS[size]
            )


def test_every_pair_of_sizes_is_consistent() -> None:
    for new in range(1, MOST + 1):
        for old in range(1, new + 1):
            proof = merkle.consistency_proof(old, new, node)
            merkle.verify_consistency(
                old=old, new=new, old_root=ROOTS[old], new_root=ROOTS[new], proof=proof
            )
    assert merkle.consistency_proof(0, 5, node) == []


def flipped(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data, "big") ^ (1 << bit)).to_bytes(len(data), "big")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_single_bit_of_an_inclusion_proof_may_change(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, MOST))
    index = data.draw(st.integers(0, size - 1))
    parts = [LEAVES[index], ROOTS[size], *merkle.inclusion_proof(index, size, node)]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[which] = flipped(parts[which], bit)
    with pytest.raises(ProofWrong):
        merkle.verify_inclusion(
            index=index, size=size, leaf=parts[0], root=parts[1], proof=parts[2:]
        )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_single_bit_of_a_consistency_proof_may_change(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, MOST))
    old = data.draw(st.integers(1, new - 1))
    parts = [ROOTS[old], ROOTS[new], *merkle.consistency_proof(old, new, node)]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[which] = flipped(parts[which], bit)
    with pytest.raises(ProofWrong):
        merkle.verify_consistency(
            old=old, new=new, old_root=parts[0], new_root=parts[1], proof=parts[2:]
        )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_proof_proves_no_other_index(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, MOST))
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size).filter(lambda n: n != index))
    proof = merkle.inclusion_proof(index, size, node)
    with pytest.raises(ProofWrong):
        merkle.verify_inclusion(
            index=other, size=size, leaf=LEAVES[index], proof=proof, root=ROOTS[size]
        )


def test_a_proof_of_another_length_is_refused() -> None:
    proof = merkle.inclusion_proof(3, 11, node)
    for wrong in (proof[:-1], [*proof, LEAVES[0]], [*proof[:-1], proof[-1][:31]]):
        with pytest.raises(ProofWrong):
            merkle.verify_inclusion(index=3, size=11, leaf=LEAVES[3], proof=wrong, root=ROOTS[11])


def test_what_no_tree_has_cannot_be_proven() -> None:
    for index, size in ((-1, 5), (5, 5), (0, 0)):
        with pytest.raises(ProofWrong):
            merkle.inclusion_proof(index, size, node)
    with pytest.raises(ProofWrong):
        merkle.consistency_proof(6, 5, node)
    with pytest.raises(ProofWrong):
        CompactRange(3, [LEAVES[0]])


def test_another_implementation_gets_the_same_roots() -> None:
    pymerkle = pytest.importorskip("pymerkle")
    other = pymerkle.InmemoryTree(algorithm="sha256")
    tree = CompactRange()
    for n in range(70):
        other.append_entry(str(n).encode())
        tree.append(merkle.leaf_hash(str(n).encode()))
        assert other.get_root() == tree.root()


# Tiles -------------------------------------------------------------------------------
@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=6), st.data())
def test_tiles_grown_in_any_steps_lead_to_the_same_tree(
    steps: list[int], data: st.DataObject
) -> None:
    kept: dict[tuple[int, int], bytes] = {}
    tree, size = CompactRange(), 0

    def fetch(level: int, n: int) -> bytes:
        return kept.get((level, n), b"")

    for step in steps:
        hashes = [merkle.leaf_hash(f"{size + n}".encode()) for n in range(step)]
        kept |= tiles.grow(size, fetch, hashes)
        tree.extend(hashes)
        size += step
    read = tiles.Tiles(fetch).node
    assert merkle.root_of(size, read) == tree.root()
    index = data.draw(st.integers(0, size - 1))
    merkle.verify_inclusion(
        index=index,
        size=size,
        leaf=merkle.leaf_hash(f"{index}".encode()),
        proof=merkle.inclusion_proof(index, size, read),
        root=tree.root(),
    )
    assert {(level, n) for level, n, _ in tiles.extents(size)} <= set(kept)
    for level, n, width in tiles.extents(size):
        assert len(kept[level, n]) == width * 32


@pytest.mark.rule("C2SP tlog-tiles", "paths")
@pytest.mark.parametrize(
    ("level", "n", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (1, 999, 256, "tile/1/999"),
        (1, 1000, 7, "tile/1/x001/000.p/7"),
        ("entries", 5, 12, "tile/entries/005.p/12"),
    ],
)
def test_tile_paths(level: int | str, n: int, width: int, path: str) -> None:
    assert tiles.path(level, n, width) == path


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_come_apart_again(entries: list[bytes]) -> None:
    bundle = tiles.bundle(entries)
    assert tiles.unbundle(bundle) == entries
    if entries:
        with pytest.raises(ProofWrong):
            tiles.unbundle(bundle + b"\x00")
