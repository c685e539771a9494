"""Opens what the vault sealed to us (level 3): HPKE, RFC 9180, in one of two suites.

FOLDER/sealing_key.json holds our private half and never leaves the folder; its public half stands in
our registration. The second suite is a hybrid: a quantum computer does not help against it.
"""

import base64
import json
import os
import struct
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

PLAIN, HYBRID = "x25519-sha256-aes256gcm", "mlkem768x25519-sha256-aes256gcm"
KEMS = {PLAIN: hpke.KEM.X25519, HYBRID: hpke.KEM.MLKEM768_X25519}
SEED = 64  # bytes of ML-KEM-768's private half, which stand before those of X25519


class SealingKey:
    """A key pair of ours, in one of the suites."""

    def __init__(self, suite: str, kid: str, private: bytes) -> None:
        self.suite, self.kid, self.private = suite, kid, private
        self._exchange = X25519PrivateKey.from_private_bytes(private[-32:])
        self._key: Any = self._exchange
        if suite == HYBRID:
            self._lattice = MLKEM768PrivateKey.from_seed_bytes(private[:SEED])
            self._key = hpke.MLKEM768X25519PrivateKey(self._lattice, self._exchange)

    @classmethod
    def load_or_make(cls, folder: Path, suite: str = PLAIN) -> "SealingKey":
        """Return the folder's key, made on first use (mode 0600)."""
        path = folder / "sealing_key.json"
        if not path.exists():
            raw = X25519PrivateKey.generate().private_bytes_raw()
            seed = MLKEM768PrivateKey.generate().private_bytes_raw() if suite == HYBRID else b""
            said = {"suite": suite, "kid": "1", "private": _text(seed + raw)}
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(said, file)
        said = json.loads(path.read_text())
        return cls(said["suite"], said["kid"], _bytes(said["private"]))

    def public(self) -> dict[str, str]:
        """Return the public half as it is registered."""
        raw = self._exchange.public_key().public_bytes_raw()
        if self.suite == HYBRID:
            raw = self._lattice.public_key().public_bytes_raw() + raw
        return {"suite": self.suite, "kid": self.kid, "key": _text(raw)}

    def opened(self, answer: dict[str, Any], partner: str, client_id: str) -> dict[str, Any]:
        """Return an answer as it was before it was sealed.

        It opens only as what it was sealed as: for this partner and client, grant and event.
        """
        box = answer["sealed"]
        said = ("consent-vault/envelope/1", box["suite"], partner, client_id,
                answer["grant"]["id"], answer["event"])  # fmt: skip
        info = b"".join(struct.pack(">I", len(part.encode())) + part.encode() for part in said)
        suite = hpke.Suite(KEMS[box["suite"]], hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
        inside = suite.decrypt(_bytes(box["data"]), self._key, info=info)
        rest = {name: value for name, value in answer.items() if name != "sealed"}
        return rest | json.loads(inside)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
