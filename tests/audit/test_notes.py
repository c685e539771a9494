"""Signed notes against Go's and C2SP's examples."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import notes
from audit.exceptions import NoteMalformed, NoteUnverified, SignatureWrong
from audit.notes import Checkpoint, VerifierKey

VECTORS = Path(__file__).parent.parent / "vectors" / "signed-note"
GO = json.loads((VECTORS / "go-sumdb-note.json").read_text())
C2SP = json.loads((VECTORS / "c2sp-example.json").read_text())
EXAMPLES = json.loads((VECTORS / "c2sp-checkpoint-examples.json").read_text())
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "vault.example/log"
KNOWN = VerifierKey.of(NAME, KEY.public_key().public_bytes_raw())
NOTE = notes.sign(Checkpoint(NAME, 7, bytes(32)).text, NAME, [KEY])


@pytest.mark.parametrize("case", GO["open"], ids=[case["desc"] for case in GO["open"]])
def test_notes_open_as_they_do_in_go(case: dict[str, Any]) -> None:
    keys = [VerifierKey.parse(GO["vkeys"][name]) for name in case["keys"]]
    if "error" in case:
        expected = {
            "note has no verifiable signatures": NoteUnverified,
            "malformed note": NoteMalformed,
        }.get(case["error"], SignatureWrong)
        with pytest.raises(expected):
            notes.open_note(case["note"], keys)
        return
    note = notes.open_note(case["note"], keys)
    assert [line.name for line in note.verified] == case["verified"]
    assert [line.name for line in note.unverified] == case["unverified"]


def test_a_note_is_signed_as_it_is_in_go() -> None:
    seed = base64.b64decode(GO["skey_peter_go_encoding"].split("+", 4)[4])[1:]
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert notes.sign(GO["text"], "PeterNeumann", [key]) == GO["signed_note_expected"]


@pytest.mark.parametrize("name", GO["vkeys"])
def test_verifier_keys_are_read_and_written(name: str) -> None:
    assert str(VerifierKey.parse(GO["vkeys"][name])) == GO["vkeys"][name]


@pytest.mark.parametrize(
    "bad", [*GO["bad_vkeys"], "", "name", "name+00000000", "+00000000+AAAA", "a+b+c"]
)
def test_bad_verifier_keys_are_refused(bad: str) -> None:
    with pytest.raises(NoteMalformed):
        VerifierKey.parse(bad)


def test_a_key_with_plus_signs_in_its_base64_is_read() -> None:
    for seed in range(200):
        public = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key()
        key = VerifierKey.of("a.example", public.public_bytes_raw())
        if "+" in str(key).split("+", 2)[2]:
            assert VerifierKey.parse(str(key)) == key
            return
    pytest.fail("no such key among 200")


def test_the_example_of_the_specification_opens() -> None:
    assert notes.open_note(C2SP["note"], [VerifierKey.parse(C2SP["vkey"])]).text == (
        "This is an example message.\n"
    )


def test_the_examples_of_cosigned_checkpoints_parse() -> None:
    text, signatures = notes.split(EXAMPLES["checkpoint_with_cosignature"])
    checkpoint = Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert [line.name for line in signatures] == [
        "example.com/behind-the-sofa", "witness.example.com/w1",
    ]  # fmt: skip


def test_a_checkpoint_is_what_was_signed() -> None:
    assert notes.open_checkpoint(NOTE, [KNOWN]) == Checkpoint(NAME, 7, bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "a\n1\n", "a\n01\nAAAA\n", "a\n-1\nAAAA\n", "a\n1\nAAAA\n", "\n1\n" + "A" * 43 + "=\n",
        "a\n+1\n" + "A" * 43 + "=\n", "a\n1\n" + "A" * 43 + "=", "a\n1\n" + "A" * 43 + "=\n\n",
        "a\n1٣\n" + "A" * 43 + "=\n",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        Checkpoint.parse(text)


def test_further_lines_of_a_checkpoint_are_allowed() -> None:
    assert Checkpoint.parse("a\n0\n" + "A" * 43 + "=\nmore\n").size == 0


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(0, 7))
def test_no_single_bit_of_a_note_may_change(at: int, bit: int) -> None:
    data = bytearray(NOTE.encode())
    data[at] ^= 1 << bit
    try:
        changed = data.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises((NoteMalformed, NoteUnverified, SignatureWrong)):
        notes.open_checkpoint(changed, [KNOWN])


def test_bits_that_say_nothing_may_not_change_either() -> None:
    # 68 bytes leave two idle bits in the sign before the padding.
    last = NOTE[-3]
    sibling = chr(ord(last) + 1)
    assert base64.b64decode(NOTE.split(" ")[-1][:-3] + sibling + "=", validate=False)
    with pytest.raises((NoteMalformed, SignatureWrong)):
        notes.open_checkpoint(NOTE[:-3] + sibling + "=\n", [KNOWN])


def test_a_second_signature_line_rotates_the_key() -> None:
    new = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    both = notes.sign("text\n", NAME, [KEY, new])
    for key in (KEY, new):
        known = VerifierKey.of(NAME, key.public_key().public_bytes_raw())
        note = notes.open_note(both, [known])
        assert (len(note.verified), len(note.unverified)) == (1, 1)


def test_two_keys_with_one_name_and_id_are_refused() -> None:
    with pytest.raises(NoteMalformed):
        notes.open_note(NOTE, [KNOWN, KNOWN])


@pytest.mark.parametrize("name", ["", "a b", "a+b", " a", "a\u2003b"])
def test_a_name_without_blanks_and_plus_signs(name: str) -> None:
    with pytest.raises(NoteMalformed):
        VerifierKey.of(name, bytes(32))


@pytest.mark.parametrize("text", ["no end", "tab\there\n", "\ud800\n"])
def test_a_text_that_cannot_be_signed(text: str) -> None:
    with pytest.raises(NoteMalformed):
        notes.sign(text, NAME, [KEY])
