"""What a customer takes away: a file that proves an entry without us."""

from collections.abc import Callable

import pytest

from audit import log, merkle, proofs, publishing
from audit.exceptions import NoteUnverified, NotSequencedYet, ProofWrong, SignatureWrong
from audit.log import Draft
from audit.models import Entry, Leaf, LogState
from audit.notes import VerifierKey
from audit.proofs import Proof
from tests.audit.sequenced import append, both_steps


@pytest.mark.django_db
@pytest.mark.rule("design/log.md", "Subject's proof")
def test_an_entry_is_proven_by_a_file(read_of: Callable[..., Draft]) -> None:
    append(300)
    mine = log.append(read_of())
    append(300)
    both_steps()
    text = proofs.of_entry(mine.event_id).text
    leaf = bytes(Entry.objects.get(seq=mine.seq).leaf)
    said = proofs.verify(Proof.parse(text), leaf, [publishing.verifier_key()])
    assert said.size == LogState.objects.get().size
    assert Proof.parse(text).text == text
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 300\n")


@pytest.mark.django_db
def test_a_proof_proves_nothing_else() -> None:
    append(300)
    both_steps()
    entry = Entry.objects.order_by("seq")[7]
    proof, key = proofs.of_entry(entry.event_id), publishing.verifier_key()
    with pytest.raises(ProofWrong):
        proofs.verify(proof, bytes(entry.leaf) + b" ", [key])
    with pytest.raises(NoteUnverified):
        proofs.verify(proof, bytes(entry.leaf), [VerifierKey.of(key.name, bytes(32))])
    larger = proof.checkpoint.replace("\n301\n", "\n302\n")
    with pytest.raises(SignatureWrong):
        proofs.verify(Proof(7, proof.hashes, larger), bytes(entry.leaf), [key])


@pytest.mark.django_db
def test_an_entry_without_a_place_has_no_proof_yet() -> None:
    append(1)
    entry = Entry.objects.get()
    with pytest.raises(NotSequencedYet):
        proofs.of_entry(entry.event_id)
    both_steps()
    assert proofs.of_entry(entry.event_id).index == Leaf.objects.get(seq=entry.seq).index


@pytest.mark.django_db
def test_any_two_sizes_are_shown_consistent() -> None:
    append(700)
    both_steps()
    leaves = [bytes(each.leaf_hash) for each in Leaf.objects.order_by("index")]
    for old, new in ((1, 700), (255, 256), (256, 512), (300, 701), (512, 513)):
        was, now = merkle.CompactRange(), merkle.CompactRange()
        was.extend(leaves[:old])
        now.extend(leaves[:new])
        merkle.verify_consistency(
            old=old, new=new, old_root=was.root(), new_root=now.root(),
            proof=proofs.consistency(old, new),
        )  # fmt: skip
        assert proofs.left_edge(old).hashes == was.hashes


def test_extra_data_is_skipped() -> None:
    assert Proof.parse("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\nnote\n").index == 0


@pytest.mark.parametrize(
    "text",
    [
        "", "c2sp.org/tlog-proof@v2\nindex 1\n\nnote", "c2sp.org/tlog-proof@v1\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nnote", "c2sp.org/tlog-proof@v1\nindex -1\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex \u0661\n\nnote", "c2sp.org/tlog-proof@v1\nindex 1\n!\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 1\n\n",
        "c2sp.org/tlog-proof@v1\nindex 1\n" + "A" * 43 + "=\n" * 64 + "\n\nnote",
    ],
)  # fmt: skip
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(ProofWrong):
        Proof.parse(text)
