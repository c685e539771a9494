"""Seals bytes so that only the holder of another's private key opens them. Pure: no Django, no clock.

HPKE (RFC 9180), base mode, one message a time; the second suite takes a key that a quantum
computer does not help against (X-Wing: ML-KEM-768 with X25519, draft-ietf-hpke-pq). What a message
belongs to goes into `info`: a message that was moved to another answer does not open. Base mode
does not prove who sealed it; the connection that brings it does.
"""

import base64
import binascii
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from keys.exceptions import EnvelopeKeyInvalid

LABEL = b"consent-vault/envelope/1"
MOST_KID = 128  # characters
_SUITES = {
    "x25519-sha256-aes256gcm": (hpke.KEM.X25519, 32),
    "mlkem768x25519-sha256-aes256gcm": (hpke.KEM.MLKEM768_X25519, 1184 + 32),
}
SUITES = tuple(_SUITES)
_LENGTH = struct.Struct(">I")


def validated(key: object) -> dict[str, str]:
    """Return a public key as it is kept: suite, kid, and the raw key in base64url.

    Raises `EnvelopeKeyInvalid`, which says what is wrong and never repeats a key.
    """
    if not isinstance(key, Mapping) or set(key) != {"suite", "kid", "key"}:
        raise EnvelopeKeyInvalid("a sealing key has suite, kid and key, and nothing else")
    suite, kid, text = key["suite"], key["kid"], key["key"]
    if suite not in SUITES:
        raise EnvelopeKeyInvalid(f"the suite must be one of {', '.join(SUITES)}")
    if not isinstance(kid, str) or not 0 < len(kid) <= MOST_KID or not kid.isprintable():
        raise EnvelopeKeyInvalid(f"a key needs a kid of 1 to {MOST_KID} characters")
    checked = {"suite": str(suite), "kid": kid, "key": str(text)}
    seal(checked, b"", ())
    return checked


def in_use(key: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """Return the key to seal to at this moment: the kept one, or its `next` from its moment on."""
    following = key.get("next")
    chosen = following if following and following["from"] <= now.timestamp() else key
    return {name: chosen[name] for name in ("suite", "kid", "key")}


def seal(key: Mapping[str, str], plaintext: bytes, context: Sequence[bytes]) -> bytes:
    """Return encapsulated key and ciphertext for a public key. Raises `EnvelopeKeyInvalid`."""
    suite = key["suite"]
    try:
        return _suite(suite).encrypt(
            plaintext, _public(suite, key["key"]), info=info(suite, context)
        )
    except ValueError:
        # A point of small order: its shared secret is known to everybody.
        raise EnvelopeKeyInvalid("the key is none of this suite") from None


def info(suite: str, context: Sequence[bytes]) -> bytes:
    """Return what a message is bound to: the label, the suite, then each part after its length."""
    parts = (LABEL, suite.encode(), *context)
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def _suite(name: str) -> hpke.Suite:
    return hpke.Suite(_SUITES[name][0], hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def _public(suite: str, text: str) -> Any:
    kem, size = _SUITES[suite]
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise EnvelopeKeyInvalid("the key is not base64url") from None
    if len(raw) != size:
        raise EnvelopeKeyInvalid(f"a key of this suite has {size} bytes")
    if kem is hpke.KEM.X25519:
        return x25519.X25519PublicKey.from_public_bytes(raw)
    return hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(raw[:1184]),
        x25519.X25519PublicKey.from_public_bytes(raw[1184:]),
    )
