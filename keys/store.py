"""The keyring on disk: what the root key wraps and the database must never hold.

keyring.json              which root key, and a check value only that root key opens
root-<id>.key             the root key, where the provider is the file provider
generations/<id>.json     one wrapping generation each, so that destroying one is a removal
secrets/<name>.json       derive (never replaced), log (Ed25519), signing (the first ES256 key)
signing/<id>.json         the ES256 keys that came after it
"""

import base64
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from keys import files, sealing, signing
from keys.exceptions import KeyringDamaged, ProviderAway, RootKeyMissing, RootKeyWrong, Tampered
from keys.providers import KeyProvider
from keys.signers import Signer

SECRETS = ("derive", "log", "signing")
_CHECK = (b"keyring", b"check")


@dataclass(frozen=True, slots=True)
class Generation:
    """One wrapping generation, opened."""

    id: str
    made_at: datetime
    key: bytes


class Store:
    """Reads and writes one keyring directory. Callers that write hold `files.locked`."""

    def __init__(self, directory: Path, provider: KeyProvider) -> None:
        self.directory = directory
        self.provider = provider

    @property
    def exists(self) -> bool:
        """Whether a keyring was completely made here: its manifest is written last."""
        return (self.directory / "keyring.json").exists()

    def create(self, now: datetime) -> None:
        """Make root key, secrets, first generation and, last of all, the manifest."""
        self._set_unfinished_aside()
        root = self.provider.create("consent-vault")
        for name in SECRETS:
            self._write_secret(root, name, now)
        self.add_generation(now, root)
        check = self.provider.wrap(root, secrets.token_bytes(32), _CHECK)
        document = {"format": "consent-vault/keyring/1", "root": root, "check": _text(check)}
        files.write(self.directory / "keyring.json", document)

    def root(self) -> str:
        """Return the id of this keyring's root key, proven to be the right one.

        Raises `RootKeyMissing`, `RootKeyDestroyed`, `RootKeyWrong`, `ProviderAway`.
        """
        manifest = self._manifest()
        try:
            self.provider.unwrap(manifest["root"], _bytes(manifest["check"]), _CHECK)
        except Tampered:
            raise RootKeyWrong(
                f"the root key does not open the keyring in {self.directory}; "
                "restore root key and keyring from the same backup"
            ) from None
        return manifest["root"]

    def generations(self, root: str) -> list[Generation]:
        """Return all generations, oldest first."""
        found = []
        for path in self._listed("generations"):
            try:
                found.append(self._generation(root, path))
            except FileNotFoundError:
                # Retired by another process since the directory was listed.
                continue
        return sorted(found, key=lambda generation: (generation.made_at, generation.id))

    def secret(self, root: str, name: str) -> bytes:
        """Return one of `SECRETS`. Raises `KeyringDamaged`, which names the file."""
        path = self.directory / "secrets" / f"{name}.json"
        document = self._read(path)
        try:
            wrapped = _bytes(document["wrapped"])
            return self.provider.unwrap(root, wrapped, (b"secret", name.encode()))
        except (KeyError, TypeError, ValueError, Tampered):
            what = f"{path} is damaged; restore it from a backup of the keyring"
            raise KeyringDamaged(what) from None

    def signers(self, root: str) -> list[Signer]:
        """Return the keys that sign events, oldest first. The first stands among the secrets."""
        found = []
        first = self.directory / "secrets" / "signing.json"
        folder = self.directory / "signing"
        if first.exists() or not folder.exists():
            secret = self.secret(root, "signing")
            found.append(_signer("", self._read(first)["made_at"], secret))
        for path in self._listed("signing") if folder.exists() else ():
            try:
                document = self._read(path)
            except KeyringDamaged:
                if path.exists():
                    raise
                continue  # destroyed by another process since the directory was listed
            context = (b"signing", document["id"].encode(), document["made_at"].encode())
            secret = self.provider.unwrap(root, _bytes(document["wrapped"]), context)
            found.append(_signer(document["id"], document["made_at"], secret))
        return sorted(found, key=lambda signer: (signer.made_at, signer.id))

    def add_signer(self, made_at: datetime, root: str) -> None:
        """Make the next key that signs events."""
        signer = uuid.uuid4().hex
        context = (b"signing", signer.encode(), made_at.isoformat().encode())
        wrapped = self.provider.wrap(root, _new_p256(), context)
        document = {"id": signer, "made_at": made_at.isoformat(), "wrapped": _text(wrapped)}
        files.write(self.directory / "signing" / f"{signer}.json", document)

    def remove_signer(self, signer: Signer) -> None:
        """Destroy a key that signed events."""
        folder, name = ("signing", signer.id) if signer.id else ("secrets", "signing")
        files.remove(self.directory / folder / f"{name}.json")

    def add_generation(self, made_at: datetime, root: str) -> str:
        """Make a generation and return its id."""
        generation = uuid.uuid4().hex
        context = _generation_context(generation, made_at.isoformat())
        wrapped = self.provider.wrap(root, secrets.token_bytes(32), context)
        document = {
            "id": generation,
            "made_at": made_at.isoformat(),
            "wrapped": _text(wrapped),
        }
        files.write(self.directory / "generations" / f"{generation}.json", document)
        return generation

    def remove_generation(self, generation: str) -> None:
        """Destroy a generation: whatever it alone wraps can never be opened again."""
        files.remove(self.directory / "generations" / f"{uuid.UUID(generation).hex}.json")

    def _generation(self, root: str, path: Path) -> Generation:
        document = files.read(path)
        context = _generation_context(document["id"], document["made_at"])
        key = self.provider.unwrap(root, _bytes(document["wrapped"]), context)
        return Generation(document["id"], datetime.fromisoformat(document["made_at"]), key)

    def _manifest(self) -> dict[str, str]:
        path = self.directory / "keyring.json"
        try:
            return files.read(path)
        except FileNotFoundError:
            raise RootKeyMissing(
                f"there is no keyring in {self.directory}; restore it, "
                "or run manage.py make_keyring for a new vault"
            ) from None
        except OSError as error:
            raise ProviderAway(f"{path} cannot be read: {error.strerror}") from None

    def _read(self, path: Path) -> dict[str, str]:
        try:
            return files.read(path)
        except FileNotFoundError:
            what = f"{path} is missing; restore it from a backup of the keyring"
            raise KeyringDamaged(what) from None
        except OSError as error:
            raise ProviderAway(f"{path} cannot be read: {error.strerror}") from None

    def _listed(self, folder: str) -> list[Path]:
        # glob() hides every error; a directory that cannot be listed must not look empty.
        try:
            return [p for p in (self.directory / folder).iterdir() if p.match("[!.]*.json")]
        except OSError as error:
            raise ProviderAway(f"{self.directory} cannot be read: {error.strerror}") from None

    def _write_secret(self, root: str, name: str, now: datetime) -> None:
        # An ES256 private key is a number below the curve's order; the others are any 32 bytes.
        secret = _new_p256() if name == "signing" else secrets.token_bytes(32)
        wrapped = self.provider.wrap(root, secret, (b"secret", name.encode()))
        document = {"name": name, "made_at": now.isoformat(), "wrapped": _text(wrapped)}
        files.write(self.directory / "secrets" / f"{name}.json", document)

    def _set_unfinished_aside(self) -> None:
        # Without a manifest a first start was killed here, or the manifest was lost. Nothing is
        # removed: only the operator can tell the two apart.
        aside = f"unfinished-{secrets.token_hex(4)}"
        for folder in ("generations", "secrets"):
            if (self.directory / folder).exists():
                (self.directory / folder).rename(self.directory / f"{aside}-{folder}")


def _signer(signer: str, made_at: str, secret: bytes) -> Signer:
    return Signer(signer, datetime.fromisoformat(made_at), signing.private_jwk(secret))


def _generation_context(generation: str, made_at: str) -> tuple[bytes, ...]:
    return (b"generation", generation.encode(), made_at.encode())


def _new_p256() -> bytes:
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return number.to_bytes(sealing.KEY_SIZE, "big")


def _text(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
