"""Where root keys live. A provider wraps with a root key and never hands one out."""

import base64
import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from keys import files, sealing
from keys.exceptions import ProviderAway, RootKeyDestroyed, RootKeyMissing, RootKeyWrong


class KeyProvider(Protocol):
    """The port: what any place for root keys has to do.

    The keyring calls it when it opens, once per process and then every minute, never for a
    read. Every method may raise `ProviderAway`.
    """

    def create(self, ref: str) -> str:
        """Make a root key, labelled `ref`, and return its id."""

    def wrap(self, key_id: str, secret: bytes, context: Sequence[bytes]) -> bytes:
        """Return `secret` wrapped under the root key. Raises `RootKeyMissing`."""

    def unwrap(self, key_id: str, blob: bytes, context: Sequence[bytes]) -> bytes:
        """Return what `blob` holds. Raises `RootKeyMissing`, `RootKeyDestroyed`, `Tampered`."""

    def rewrap(self, key_id: str, blob: bytes, new_key_id: str, context: Sequence[bytes]) -> bytes:
        """Return `blob`, wrapped under `key_id`, wrapped under `new_key_id` instead."""

    def destroy(self, key_id: str) -> None:
        """Destroy the root key: whatever it wraps is erased, at once and for good."""


class FileProvider:
    """Root keys as files in one directory, each mode 0600."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def create(self, ref: str) -> str:
        """Make a root key file that did not exist before, and return its id."""
        key_id = uuid.uuid4().hex
        document = {
            "format": "consent-vault/root/1",
            "id": key_id,
            "ref": ref,
            "made_at": datetime.now(UTC).isoformat(),
            "key": base64.b64encode(secrets.token_bytes(sealing.KEY_SIZE)).decode(),
        }
        files.write(self._path(key_id), document)
        return key_id

    def wrap(self, key_id: str, secret: bytes, context: Sequence[bytes]) -> bytes:
        """Return `secret` wrapped under the root key."""
        return sealing.wrap(self._key(key_id), secret, context, key_id=bytes.fromhex(key_id))

    def unwrap(self, key_id: str, blob: bytes, context: Sequence[bytes]) -> bytes:
        """Return what `blob` holds."""
        return sealing.unwrap(self._key(key_id), blob, context)

    def rewrap(self, key_id: str, blob: bytes, new_key_id: str, context: Sequence[bytes]) -> bytes:
        """Return `blob` wrapped under another root key."""
        return self.wrap(new_key_id, self.unwrap(key_id, blob, context), context)

    def destroy(self, key_id: str) -> None:
        """Remove the file and leave a mark, so that "destroyed" is never read as "lost"."""
        mark = {"id": key_id, "destroyed_at": datetime.now(UTC).isoformat()}
        # The mark first: after a crash in between, the key counts as destroyed and stays unused.
        if not self._mark(key_id).exists():
            files.write(self._mark(key_id), mark)
        files.remove(self._path(key_id))

    def _key(self, key_id: str) -> bytes:
        if self._mark(key_id).exists():
            raise RootKeyDestroyed(f"the root key of {self.directory} was destroyed")
        try:
            document = files.read(self._path(key_id))
        except FileNotFoundError:
            raise RootKeyMissing(f"{self._path(key_id)} is missing; restore it") from None
        except OSError as error:
            raise ProviderAway(f"{self.directory} cannot be read: {error.strerror}") from None
        return _decoded(document, self._path(key_id))

    def _path(self, key_id: str) -> Path:
        return self.directory / f"root-{key_id}.key"

    def _mark(self, key_id: str) -> Path:
        return self.directory / f"root-{key_id}.destroyed"


def _decoded(document: files.Document, path: Path) -> bytes:
    try:
        key = base64.b64decode(document.get("key", ""), validate=True)
    except ValueError:
        key = b""
    if len(key) != sealing.KEY_SIZE:
        raise RootKeyWrong(f"{path} does not hold a root key")
    return key
