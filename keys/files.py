"""Files that only this user may read, written whole or not at all."""

import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from keys.exceptions import KeyFileExposed, KeyringDamaged

Document = Mapping[str, str]


def read(path: Path) -> dict[str, str]:
    """Return the document in `path`.

    Raises `KeyFileExposed` where group or others have any right on it, `KeyringDamaged`
    where it is not a document, and `OSError` as the system gives it.
    """
    # The rights are asked of the open file, so it cannot be exchanged between look and read.
    with path.open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise KeyFileExposed(f"{path} must be readable by its owner only: chmod 600 {path}")
        content = file.read()
    try:
        return {str(name): str(value) for name, value in json.loads(content).items()}
    except (ValueError, AttributeError):
        what = f"{path} is damaged; restore it from a backup of the keyring"
        raise KeyringDamaged(what) from None


def write(path: Path, document: Document) -> None:
    """Make `path`, which must not exist, durable before returning. Raises `FileExistsError`.

    A reader sees the whole document or none: it is written beside, synced, then linked into
    place, which unlike a rename never replaces what is already there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(document, indent=1).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    finally:
        beside.unlink()
    sync(path.parent)


def remove(path: Path) -> None:
    """Remove `path` durably; nothing happens where it is already gone."""
    path.unlink(missing_ok=True)
    sync(path.parent)


def sync(directory: Path) -> None:
    """Make the names in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold `directory` alone among all processes and threads; a killed holder lets go.

    Raises `OSError` where the directory is not there: locking never makes one.
    """
    descriptor = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
