"""The wrapping generations and the vault's own secrets, as an opened keyring.

Generations stand between the root key and everything in the database. A key destroyed today
is still inside yesterday's backup, wrapped under a generation; destroying that generation,
after all live keys were wrapped under a newer one, is what makes the backup harmless.
"""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys import files, sealing, signers
from keys.exceptions import GenerationGone, KeyringDamaged, KeysError, ProviderAway, Tampered
from keys.providers import KeyProvider
from keys.signers import Signer
from keys.store import Generation, Store

# Together at most 14 days from a generation's first use to its end: so a backup that is older
# than 14 days opens nothing that was erased since, and one of the last 7 days still restores.
NEW_EVERY = timedelta(days=7)
KEPT_AFTER_NEXT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What one look at the provider found. Never changed, only replaced whole."""

    root: str
    generations: tuple[Generation, ...]
    keys: dict[str, bytes]
    derive: bytes
    signers: list[Signer] = field(default_factory=list)  # read on first use


class Keyring:
    """An opened keyring. Safe to use from many threads."""

    def __init__(self, directory: Path, provider: KeyProvider) -> None:
        """Open it. Raises `RootKeyMissing`, `RootKeyWrong`, `KeyFileExposed`, `ProviderAway`."""
        self._store = Store(directory, provider)
        self._looking = threading.Lock()
        self._away = False
        self._opened = self._look()

    @property
    def directory(self) -> Path:
        """Where this keyring lives."""
        return self._store.directory

    def current(self) -> str:
        """Return the id of the generation that new keys are wrapped under."""
        return self._ready().generations[-1].id

    def generations(self) -> tuple[Generation, ...]:
        """Return every generation that still opens something, oldest first."""
        return self._ready().generations

    def wrap(self, secret: bytes, context: Sequence[bytes]) -> tuple[str, bytes]:
        """Return the current generation's id and `secret` wrapped under it."""
        newest = self._ready().generations[-1]
        blob = sealing.wrap(newest.key, secret, context, key_id=bytes.fromhex(newest.id))
        return newest.id, blob

    def unwrap(self, generation: str, blob: bytes | memoryview, context: Sequence[bytes]) -> bytes:
        """Return the key inside `blob`. Raises `Tampered`, `GenerationGone`, `ProviderAway`."""
        key = self._ready().keys.get(generation)
        if key is None:
            key = self._made_since(generation)
        return sealing.unwrap(key, blob, context)

    def secret(self, name: str) -> bytes:
        """Return the 32 bytes that belong to `name`, the same for the life of the keyring.

        For what must be found again by its HMAC: pairwise ids, cursors, hint hashes.
        """
        return _derived(self._ready().derive, name)

    def log_key(self) -> Ed25519PrivateKey:
        """Return the key that signs checkpoints. Opened anew each time and never kept here:

        only the sequencer and the parent process of `serve` call it.
        """
        return Ed25519PrivateKey.from_private_bytes(self._secret("log"))

    def signing_key(self, now: datetime | None = None) -> dict[str, str]:
        """Return the private ES256 JWK that signs security event tokens, with its `kid`."""
        return dict(signers.in_use(self.signers(), now or datetime.now(UTC)).jwk)

    def signers(self) -> list[Signer]:
        """Return every key that signs events, will, or did so lately; the oldest first."""
        opened = self._ready()
        if not opened.signers:
            opened.signers[:] = self._store.signers(opened.root)
        return opened.signers

    def rotate_signing_key(self, *, now: datetime | None = None, force: bool = False) -> None:
        """Make the next signing key where one is due, and destroy those served long enough."""
        now = now or datetime.now(UTC)
        with files.locked(self.directory):
            root, found = self._renew().root, self.signers()
            if force or signers.is_due(found, now):
                latest = found[-1].made_at + timedelta(microseconds=1)
                self._store.add_signer(max(now, latest), root)
            for each in signers.outlived(found, now):
                self._store.remove_signer(each)
            self._renew()

    def ensure_generation(self, *, now: datetime | None = None, force: bool = False) -> str:
        """Make a new generation where one is due, or `force` asks; return the current id.

        Of several processes that find it due, one makes it and the others take it.
        """
        now = now or datetime.now(UTC)
        # Looked at before the lock too: a keyring that is away has no directory to lock.
        self._renew()
        with files.locked(self.directory):
            opened = self._renew()
            newest = opened.generations[-1]
            if force or now - newest.made_at >= NEW_EVERY:
                # Never before the newest, even if the clock went back: the order is the meaning.
                made_at = max(now, newest.made_at + timedelta(microseconds=1))
                self._store.add_generation(made_at, opened.root)
                opened = self._renew()
        return opened.generations[-1].id

    def outlived(self, *, now: datetime | None = None) -> list[Generation]:
        """Return the generations whose successor has stood for `KEPT_AFTER_NEXT`."""
        now = now or datetime.now(UTC)
        all_ = self._ready().generations
        pairs = itertools.pairwise(all_)
        return [old for old, later in pairs if now - later.made_at >= KEPT_AFTER_NEXT]

    def retire(self, generation: str) -> None:
        """Destroy a generation for good. The caller has made sure that no live key needs it."""
        if generation == self.current():
            raise ValueError("the current generation is never retired")
        with files.locked(self.directory):
            self._store.remove_generation(generation)
            self._renew()

    def reopen(self) -> bool:
        """Look at the provider again; where it fails, nothing opens until a look succeeds."""
        try:
            self._renew()
        except (KeysError, OSError):
            return False
        return True

    def _ready(self) -> _Opened:
        if self._away:
            raise ProviderAway("the key provider does not answer")
        return self._opened

    def _made_since(self, generation: str) -> bytes:
        # Another process may have made it a moment ago.
        try:
            return self._renew().keys[generation]
        except KeyError:
            raise GenerationGone(f"generation {generation} is not in this keyring") from None
        except (KeysError, OSError):
            raise ProviderAway("the key provider does not answer") from None

    def _renew(self) -> _Opened:
        # One look at a time: an older one that ends later would bring back what it saw.
        with self._looking:
            try:
                opened = self._look()
            except (KeysError, OSError):
                self._away = True
                raise
            self._opened, self._away = opened, False
        return opened

    def _look(self) -> _Opened:
        try:
            return self._found()
        except (KeyError, ValueError, Tampered):
            # A member is missing or is not what it should be; which one is in no message, since
            # the member may be a key.
            where = self.directory
            raise KeyringDamaged(f"the keyring in {where} is damaged; restore it") from None

    def _found(self) -> _Opened:
        root = self._store.root()
        found = tuple(self._store.generations(root))
        if not found:
            raise GenerationGone(f"{self.directory} holds no wrapping generation; restore it")
        keys = {generation.id: generation.key for generation in found}
        return _Opened(root, found, keys, self._store.secret(root, "derive"))

    def _secret(self, name: str) -> bytes:
        return self._store.secret(self._ready().root, name)


# Derived from a secret that is held open anyway, and asked for at every read.
@lru_cache(maxsize=1024)
def _derived(secret: bytes, name: str) -> bytes:
    info = b"consent-vault/secret/1\n" + name.encode()
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret)
