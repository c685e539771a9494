"""Files of a bundle: written once from front to back, measured while they are written."""

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

BUFFER = 1 << 18  # bytes


class Measured(NamedTuple):
    """What the manifest says about a file."""

    bytes: int
    sha256: str
    lines: int


class Sheet:
    """A new file. Nobody but us can read it until it is handed over."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=BUFFER)
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._lines = 0

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._file.write(data)
        self._digest.update(data)
        self._bytes += len(data)
        self._lines += data.count(b"\n")

    def close(self) -> Measured:
        """Put it on the disk and return its measures."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Measured(self._bytes, self._digest.hexdigest(), self._lines)


class Sheets:
    """The files of one bundle. Leaving the block closes those that are still open."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: dict[str, Sheet] = {}
        self.measured: dict[str, Measured] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in list(self._open):
            self.close(name)

    def open(self, name: str) -> Sheet:
        """Begin a file."""
        self._open[name] = Sheet(self._directory / name)
        return self._open[name]

    def close(self, name: str) -> None:
        """End a file."""
        self.measured[name] = self._open.pop(name).close()

    def put(self, name: str, data: bytes) -> None:
        """Write a file as a whole."""
        self.open(name).write(data)
        self.close(name)


def sync_directory(path: Path) -> None:
    """Make the names in a directory last."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
