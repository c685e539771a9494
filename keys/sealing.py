"""Seals and opens bytes. Pure: no Django, no files, no clock.

    sealed = suite (1) ‖ key id (16) ‖ key version (4) ‖ message id (32)      the header
             ‖ commitment (32) ‖ ciphertext ‖ tag (16)

HKDF-SHA-256(key, salt = message id, info = label ‖ header, 64 bytes) gives the message key and
the commitment. The message key is used for this one blob, so AES-256-GCM runs with a zero nonce.
The commitment is compared before anything is decrypted: GCM alone does not bind a ciphertext to
one key, and a blob that opens under two keys could show different people different things.
The associated data is the header and the context, each part with its length before it, so a
row that was moved to another pod, category, record or version does not open.
"""

import hashlib
import hmac
import secrets
import struct
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.exceptions import Tampered

SUITE = 1
# Every suite that has ever sealed something, with its HKDF label. A number is never given a
# second meaning; a later suite (hybrid HPKE, say) gets a number and a module of its own.
LABELS = {1: b"consent-vault/seal/1", 2: b"consent-vault/stream/1"}
KEY_SIZE = 32
COMMITMENT_SIZE = 32
TAG_SIZE = 16
NO_KEY_ID = bytes(16)

_HEADER = struct.Struct(">B16sI32s")
HEADER_SIZE = _HEADER.size
_BODY = HEADER_SIZE + COMMITMENT_SIZE
_LENGTH = struct.Struct(">I")
_SHA256 = hashes.SHA256()
_ZERO_NONCE = bytes(12)


class Header(NamedTuple):
    """What stands in clear before a sealed blob."""

    suite: int
    key_id: bytes
    key_version: int
    message_id: bytes


def new_header(suite: int, key_id: bytes, key_version: int) -> bytes:
    """Return a header with a fresh random message id."""
    if len(key_id) != 16:
        raise ValueError("a key id has 16 bytes")
    return _HEADER.pack(suite, key_id, key_version, secrets.token_bytes(32))


def derive(key: bytes, header: bytes) -> tuple[bytes, bytes]:
    """Return message key and commitment for one header (RFC 5869).

    The message id is 256 random bits, so no two blobs share a message key.
    """
    if len(key) != KEY_SIZE:
        raise ValueError("a key has 32 bytes")
    info = LABELS[header[0]] + header
    both = HKDF(algorithm=_SHA256, length=64, salt=header[21:HEADER_SIZE], info=info).derive(key)
    return both[:32], both[32:]


def associate(header: bytes, context: Sequence[bytes]) -> bytes:
    """Return the associated data: header, then each part of the context after its length."""
    return header + b"".join([_LENGTH.pack(len(part)) + part for part in context])


def seal(
    key: bytes, *, key_id: bytes, key_version: int, plaintext: bytes, context: Sequence[bytes]
) -> bytes:
    """Return `plaintext` sealed under `key`, opening only with the same `context`."""
    head = new_header(SUITE, key_id, key_version)
    message_key, commitment = derive(key, head)
    body = AESGCM(message_key).encrypt(_ZERO_NONCE, plaintext, associate(head, context))
    return head + commitment + body


def open_sealed(key: bytes, blob: bytes | memoryview, *, context: Sequence[bytes]) -> bytes:
    """Return the plaintext of `blob`. Raises `Tampered`, and says nothing more."""
    blob = bytes(blob)
    if len(blob) < _BODY + TAG_SIZE or blob[0] != SUITE:
        raise Tampered
    head = blob[:HEADER_SIZE]
    message_key, commitment = derive(key, head)
    if not hmac.compare_digest(commitment, blob[HEADER_SIZE:_BODY]):
        raise Tampered
    try:
        return AESGCM(message_key).decrypt(_ZERO_NONCE, blob[_BODY:], associate(head, context))
    except InvalidTag:
        raise Tampered from None


def header(blob: bytes | memoryview) -> Header:
    """Return the header of `blob`, unverified: only opening proves it. Raises `Tampered`."""
    if len(blob) < HEADER_SIZE or blob[0] not in LABELS:
        raise Tampered
    return Header(*_HEADER.unpack(bytes(blob[:HEADER_SIZE])))


def wrap(
    key: bytes, secret: bytes, context: Sequence[bytes], *, key_id: bytes = NO_KEY_ID
) -> bytes:
    """Return a 32-byte key sealed under another key; `key_id` names the one it is sealed under."""
    if len(secret) != KEY_SIZE:
        raise ValueError("a key has 32 bytes")
    return seal(key, key_id=key_id, key_version=0, plaintext=secret, context=context)


def unwrap(key: bytes, blob: bytes | memoryview, context: Sequence[bytes]) -> bytes:
    """Return the key inside `blob`. Raises `Tampered`."""
    secret = open_sealed(key, blob, context=context)
    if len(secret) != KEY_SIZE:
        raise Tampered
    return secret


def commit(r: bytes, type: str, detail: bytes) -> bytes:  # noqa: A002 - the log's own word
    """Return the commitment of a leaf to its sealed detail.

    HMAC-SHA-256 under `r`, which lies beside the detail and is erased with it: afterwards
    nobody can test a guess of the detail against the leaf.
    """
    message = b"\n".join((b"consent-vault/detail/1", type.encode(), detail))
    return hmac.digest(r, message, hashlib.sha256)
