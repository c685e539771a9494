"""A sealed blob opens with its key in its place, and in no other way."""

import hashlib
import hmac
import io
import secrets
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from keys import sealing, stream
from keys.exceptions import Tampered

KEY = bytes(range(32))
KEY_ID = bytes(16)
PLACE = [b"record", b"p" * 16, b"stay", b"r" * 16, b"\0\0\0\1"]
contexts = st.lists(st.binary(max_size=20), max_size=5)


def sealed(plaintext: bytes = b"a room with a view", context: list[bytes] = PLACE) -> bytes:
    return sealing.seal(KEY, key_id=KEY_ID, key_version=7, plaintext=plaintext, context=context)


@given(st.binary(max_size=300), contexts)
def test_what_was_sealed_opens(plaintext, context):
    assert sealing.open_sealed(KEY, sealed(plaintext, context), context=context) == plaintext


@given(st.data())
def test_any_flipped_bit_keeps_it_shut(data):
    blob = bytearray(sealed())
    bit = data.draw(st.integers(0, len(blob) * 8 - 1))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered):
        sealing.open_sealed(KEY, bytes(blob), context=PLACE)


@given(contexts, contexts)
def test_another_context_keeps_it_shut(context, other):
    blob = sealed(context=context)
    if context == other:
        assert sealing.open_sealed(KEY, blob, context=other)
    else:
        with pytest.raises(Tampered):
            sealing.open_sealed(KEY, blob, context=other)


@given(st.integers(0, 400))
def test_a_shortened_blob_stays_shut(length):
    blob = sealed()
    with pytest.raises(Tampered):
        sealing.open_sealed(KEY, blob[: min(length, len(blob) - 1)], context=PLACE)


def test_another_key_keeps_it_shut():
    with pytest.raises(Tampered):
        sealing.open_sealed(secrets.token_bytes(32), sealed(), context=PLACE)


def test_the_bytes_stand_as_published():
    """The layout, built a second time by hand (design: Keys, "Sealed blob")."""
    blob = sealed(b"value", [b"ab", b""])
    header, commitment, body = blob[:53], blob[53:85], blob[85:]
    assert header[:21] == b"\1" + KEY_ID + b"\0\0\0\7"
    prk = hmac.digest(header[21:], KEY, "sha256")
    info = b"consent-vault/seal/1" + header
    first = hmac.digest(prk, info + b"\1", "sha256")
    second = hmac.digest(prk, first + info + b"\2", "sha256")
    assert commitment == second
    aad = header + b"\0\0\0\2ab" + b"\0\0\0\0"
    assert AESGCM(first).decrypt(bytes(12), body, aad) == b"value"
    assert sealing.header(blob) == (1, KEY_ID, 7, header[21:])


def test_the_commitment_is_compared_before_anything_is_decrypted(monkeypatch):
    blob = bytearray(sealed())
    blob[60] ^= 1
    monkeypatch.setattr(sealing, "AESGCM", None)
    with pytest.raises(Tampered):
        sealing.open_sealed(KEY, bytes(blob), context=PLACE)


def test_no_two_blobs_share_a_message_key():
    assert len({sealed()[21:85] for _ in range(50)}) == 50


def test_a_stream_and_a_record_are_never_taken_for_each_other():
    blob = b"".join(streamed(b"x"))
    with pytest.raises(Tampered):
        sealing.open_sealed(KEY, blob, context=PLACE)
    with pytest.raises(Tampered):
        unstreamed(sealed())


def test_a_wrapped_key_opens_and_only_a_key_is_wrapped():
    secret = secrets.token_bytes(32)
    assert sealing.unwrap(KEY, sealing.wrap(KEY, secret, [b"k"]), [b"k"]) == secret
    with pytest.raises(ValueError, match="32 bytes"):
        sealing.wrap(KEY, b"short", [b"k"])
    with pytest.raises(Tampered):
        sealing.unwrap(KEY, sealed(b"short", [b"k"]), [b"k"])


@pytest.mark.parametrize(("key", "key_id"), [(b"k" * 16, KEY_ID), (KEY, b"id")])
def test_a_key_or_id_of_the_wrong_size_is_refused(key, key_id):
    with pytest.raises(ValueError, match="bytes"):
        sealing.seal(key, key_id=key_id, key_version=1, plaintext=b"", context=[])


def test_a_commitment_names_type_and_detail():
    r = secrets.token_bytes(32)
    expected = hmac.new(r, b"consent-vault/detail/1\nrecord.read\n{}", hashlib.sha256).digest()
    assert sealing.commit(r, "record.read", b"{}") == expected


def test_sealing_knows_no_django():
    code = "import sys, keys.sealing, keys.stream; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Large files -------------------------------------------------------------------------
def streamed(plaintext: bytes) -> list[bytes]:
    source = io.BytesIO(plaintext)
    return list(stream.seal(KEY, key_id=KEY_ID, key_version=1, source=source, context=PLACE))


def unstreamed(blob: bytes) -> bytes:
    return b"".join(stream.open_sealed(KEY, io.BytesIO(blob), context=PLACE))


@pytest.mark.parametrize("size", [0, 1, stream.PIECE - 1, stream.PIECE, 3 * stream.PIECE + 5])
def test_a_large_file_opens_as_it_was(size):
    plaintext = secrets.token_bytes(size)
    assert unstreamed(b"".join(streamed(plaintext))) == plaintext


def test_a_large_file_that_was_cut_or_reordered_stays_shut():
    start, first, second, last = streamed(bytes(2 * stream.PIECE + 9))
    for pieces in (
        [start, first, second],
        [start, first, last],
        [start, second, first, last],
        [start, first, second, last, last],
        [start, first, second, last[:-1]],
        [start],
        [start[:60]],
        [],
    ):
        with pytest.raises(Tampered):
            unstreamed(b"".join(pieces))


def test_a_large_file_of_another_key_stays_shut():
    blob = b"".join(streamed(b"x"))
    with pytest.raises(Tampered):
        list(stream.open_sealed(bytes(32), io.BytesIO(blob), context=PLACE))


def test_hkdf_is_asked_for_both_halves_at_once():
    """One derivation, 64 bytes: key and commitment come from the same expansion."""
    head = sealing.new_header(1, KEY_ID, 1)
    info = b"consent-vault/seal/1" + head
    both = HKDF(algorithm=sealing._SHA256, length=64, salt=head[21:], info=info).derive(KEY)
    assert sealing.derive(KEY, head) == (both[:32], both[32:])
