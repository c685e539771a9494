"""What the verifier is built of, held to published vectors and to other people's code."""

import base64
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from audit.verify import verify
from tests.audit import made_bundles

VECTORS = Path(__file__).parent.parent / "vectors"


def vectors(name: str) -> dict[str, object]:
    return json.loads((VECTORS / name).read_text())


def test_ed25519_agrees_with_wycheproof() -> None:
    cases = 0
    for group in vectors("wycheproof/ed25519_test.json")["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            sound = verify.ed25519_verifies(
                public, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            )
            assert sound == (case["result"] == "valid"), case["tcId"]
            cases += 1
    assert cases > 100


def test_ed25519_refuses_points_that_are_none() -> None:
    good = made_bundles.KEY.sign(b"x")
    public = made_bundles.KEY.public_key().public_bytes_raw()
    assert verify.ed25519_verifies(public, b"x", good)
    assert not verify.ed25519_verifies(public, b"x", good + b"\x00")
    assert not verify.ed25519_verifies(public[:31], b"x", good)
    assert not verify.ed25519_verifies(b"\xff" * 32, b"x", good)  # y is not below p
    high = (int.from_bytes(good[32:], "little") + verify.ORDER).to_bytes(32, "little")
    assert not verify.ed25519_verifies(public, b"x", good[:32] + high)


def test_consistency_agrees_with_the_published_cases() -> None:
    for name, case in vectors("merkle/transparency-dev-consistency.json").items():
        sound = True
        try:
            proof = [base64.b64decode(each) for each in case["proof"] or ()]
            roots = [base64.b64decode(case[root] or "") for root in ("root1", "root2")]
            # The files that hashes come from are read with their length checked.
            if proof and any(len(each) != 32 for each in [*proof, *roots]):
                raise verify.Malformed("not 32 bytes")
            verify.check_consistency(case["size1"], case["size2"], *roots, proof)
        except verify.Malformed:
            sound = False
        assert sound != case["wantErr"], name


def test_notes_agree_with_the_published_ones() -> None:
    sumdb = vectors("signed-note/go-sumdb-note.json")
    for vkey in sumdb["vkeys"].values():
        assert verify.Key(vkey).text == vkey
    for vkey in sumdb["bad_vkeys"]:
        with pytest.raises(verify.Malformed):
            verify.Key(vkey)
    example = vectors("signed-note/c2sp-example.json")
    text, lines = verify.split_note(example["note"].encode())
    key = verify.Key(example["vkey"])
    [(name, blob)] = lines
    assert (name, blob[:4]) == (key.name, key.id)
    assert verify.ed25519_verifies(key.public, text.encode(), blob[4:])


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_roots_agree_with_pymerkle_and_with_the_definition(leaves: list[bytes]) -> None:
    oracle = InmemoryTree(algorithm="sha256")
    tree = verify.Tree()
    for leaf in leaves:
        oracle.append_entry(leaf)
        tree.add(made_bundles.leaf_hash(leaf))
        assert tree.root() == oracle.get_root()
    assert tree.root() == made_bundles.root_of([made_bundles.leaf_hash(leaf) for leaf in leaves])


def test_blocks_of_256_lead_to_the_same_root() -> None:
    rnd = random.Random(3)
    hashes = [rnd.randbytes(32) for _ in range(256 * 3 + 17)]
    whole = verify.Tree()
    for start in range(0, 768, 256):
        whole.add(verify.root_of_block(hashes[start : start + 256]), 8)
    for each in hashes[768:]:
        whole.add(each)
    assert whole.root() == made_bundles.root_of(hashes)


@given(st.integers(1, 300), st.data())
def test_consistency_holds_for_every_pair_of_sizes(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    hashes = [made_bundles.leaf_hash(bytes([n % 256, n // 256])) for n in range(new)]
    proof = made_bundles.consistency(old, hashes)
    roots = [made_bundles.root_of(hashes[:old]), made_bundles.root_of(hashes)]
    verify.check_consistency(old, new, *roots, proof)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        with pytest.raises(verify.Malformed):
            verify.check_consistency(old, new, *roots, proof)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', "1.0", "1e3", "NaN", "[-Infinity]", "{} ", " {}",
     "{}{}", "[" * 3000, ""],
)  # fmt: skip
def test_json_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(verify.Malformed):
        verify.parse(text)


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))
def test_moments_are_read_to_the_millisecond(at: datetime) -> None:
    expected = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert verify.milliseconds(made_bundles.moment(at)) == expected
