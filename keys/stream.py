"""Seals and opens large files piece by piece, in constant memory (STREAM). Pure: no Django.

    sealed = header, as in `keys.sealing`, suite 2 ‖ commitment (32) ‖ piece ‖ piece ‖ …
    piece  = AES-256-GCM(64 KiB of plaintext, the last one shorter or empty) with its tag

Nonce = counter (11 bytes) ‖ last flag (1 byte): a piece that is moved, repeated or dropped does
not open, and neither does a file that was cut short (Hoang, Reyhanitabar, Rogaway, Vizár 2015).
Every piece is authenticated by header and context too.
"""

import hmac
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys import sealing
from keys.exceptions import Tampered

SUITE = 2
PIECE = 64 * 1024


def seal(
    key: bytes, *, key_id: bytes, key_version: int, source: BinaryIO, context: Sequence[bytes]
) -> Iterator[bytes]:
    """Yield the sealed bytes of everything `source` holds."""
    head = sealing.new_header(SUITE, key_id, key_version)
    message_key, commitment = sealing.derive(key, head)
    yield head + commitment
    cipher, associated = AESGCM(message_key), sealing.associate(head, context)
    for nonce, piece in _numbered(source, PIECE):
        yield cipher.encrypt(nonce, piece, associated)


def open_sealed(key: bytes, source: BinaryIO, *, context: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the plaintext of `source`, each piece only after it proved genuine.

    Raises `Tampered`, possibly after genuine pieces: a consumer keeps nothing until the end.
    """
    start = _read(source, sealing.HEADER_SIZE + sealing.COMMITMENT_SIZE)
    head, commitment = start[: sealing.HEADER_SIZE], start[sealing.HEADER_SIZE :]
    if len(commitment) != sealing.COMMITMENT_SIZE or head[0] != SUITE:
        raise Tampered
    message_key, expected = sealing.derive(key, head)
    if not hmac.compare_digest(commitment, expected):
        raise Tampered
    cipher, associated = AESGCM(message_key), sealing.associate(head, context)
    for nonce, piece in _numbered(source, PIECE + sealing.TAG_SIZE):
        try:
            yield cipher.decrypt(nonce, piece, associated)
        except InvalidTag:
            raise Tampered from None


def _numbered(source: BinaryIO, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield pieces of `size` with their nonces; whether one is the last shows in the next."""
    counter, piece = 0, _read(source, size)
    while following := _read(source, size) if len(piece) == size else b"":
        yield counter.to_bytes(11, "big") + b"\0", piece
        counter, piece = counter + 1, following
    yield counter.to_bytes(11, "big") + b"\1", piece


def _read(source: BinaryIO, size: int) -> bytes:
    """Read exactly `size` bytes unless the source ends: a socket or pipe may give less at once."""
    parts: list[bytes] = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
