"""RFC 9180 written down a second time, for opening what the vault sealed: base mode, X25519.

Held to the published vectors in tests/keys/test_envelopes.py; shares no code with the product.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

KEM, KDF = 0x0020, 0x0001
KEY_SIZES = {0x0001: 16, 0x0002: 32, 0x0003: 32}
CIPHERS = {0x0001: AESGCM, 0x0002: AESGCM, 0x0003: ChaCha20Poly1305}


def open_base(
    private: bytes, enc: bytes, ciphertext: bytes, *, info: bytes, aead: int, aad: bytes = b""
) -> bytes:
    """Open the first message of a base-mode context."""
    shared = _decap(enc, X25519PrivateKey.from_private_bytes(private))
    key, nonce = schedule(shared, info, aead)
    return CIPHERS[aead](key).decrypt(nonce, ciphertext, aad)


def schedule(shared: bytes, info: bytes, aead: int) -> tuple[bytes, bytes]:
    suite = b"HPKE" + KEM.to_bytes(2, "big") + KDF.to_bytes(2, "big") + aead.to_bytes(2, "big")
    psk_id = _extract(suite, b"", b"psk_id_hash", b"")
    context = b"\0" + psk_id + _extract(suite, b"", b"info_hash", info)
    secret = _extract(suite, shared, b"secret", b"")
    key = _expand(suite, secret, b"key", context, KEY_SIZES[aead])
    return key, _expand(suite, secret, b"base_nonce", context, 12)


def _decap(enc: bytes, private: X25519PrivateKey) -> bytes:
    suite = b"KEM" + KEM.to_bytes(2, "big")
    dh = private.exchange(X25519PublicKey.from_public_bytes(enc))
    context = enc + private.public_key().public_bytes_raw()
    return _expand(suite, _extract(suite, b"", b"eae_prk", dh), b"shared_secret", context, 32)


def _extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, "sha256")


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    said = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    block, out = b"", b""
    for counter in range(1, -(-size // hashlib.sha256().digest_size) + 1):
        block = hmac.digest(key, block + said + bytes([counter]), "sha256")
        out += block
    return out[:size]
