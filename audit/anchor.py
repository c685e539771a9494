"""What outlives the database: the last signed checkpoint, and static tiles and entry bundles.

Files under settings.ANCHOR_DIR, outside the database and its backups:

    signed           the last checkpoint that was signed, written before anybody sees it
    checkpoint       the last one that was published, written after everything it covers
    tile/…           hash tiles and entry bundles in the paths of C2SP tlog-tiles
    lock             held by the one who publishes

A file is written beside its place, synced, renamed, and its directory synced: after a power
cut there is the old one or the new one, never a half.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from audit import notes, tiles
from audit.exceptions import (
    AnchorMissing,
    AnchorMoved,
    DatabaseBehindAnchor,
    LogForked,
    LogShrank,
)
from audit.models import Checkpoint, LogState

_SIGNED = "signed"
_CHECKPOINT = "checkpoint"


def directory() -> Path:
    """Return where the anchor is."""
    return Path(settings.ANCHOR_DIR)


def read(path: str) -> bytes | None:
    """Return the bytes of one of the anchor's files, or None."""
    try:
        return (directory() / path).read_bytes()
    except FileNotFoundError:
        return None


def write(path: str, data: bytes) -> None:
    """Replace one of the anchor's files, durably. Nothing happens where it says that already."""
    target = directory() / path
    _make_directory(target.parent)
    if read(path) == data:
        _sync(target.parent)  # the last attempt may have failed in between
        return
    beside = target.with_name(f".{target.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(target)
    _sync(target.parent)


def remove(path: str) -> None:
    """Remove a directory of partial tiles whose full one is there."""
    shutil.rmtree(directory() / path, ignore_errors=True)


def signed_note() -> str | None:
    """Return the last checkpoint that was signed, as a signed note."""
    data = read(_SIGNED)
    return None if data is None else data.decode()


def published_note() -> str | None:
    """Return the last checkpoint that was published."""
    data = read(_CHECKPOINT)
    return None if data is None else data.decode()


def signed() -> notes.Checkpoint | None:
    """Return what the last signed checkpoint says. Its signature is the sequencer's to check."""
    note = signed_note()
    return None if note is None else notes.Checkpoint.parse(notes.split(note)[0])


@contextmanager
def publishing() -> Iterator[None]:
    """Hold the anchor for one publication; a second publisher waits.

    The lock is the kernel's, so a killed publisher has let go of it.
    """
    _make_directory(directory())
    with (directory() / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def swap(old: str | None, new: str) -> None:
    """Make `new` the last signed checkpoint if `old` still is. Call inside `publishing`.

    Raises AnchorMoved otherwise, LogForked where `new` is smaller or has another root.
    """
    if signed_note() != old:
        raise AnchorMoved("another checkpoint was signed in the meantime")
    before, after = signed(), notes.Checkpoint.parse(notes.split(new)[0])
    if before and (before.size > after.size or before.origin != after.origin):
        raise LogForked("a checkpoint never becomes smaller and never changes its origin")
    if before and before.size == after.size and before.root != after.root:
        raise LogForked("two roots for one size")
    write(_SIGNED, new.encode())


def release(note: str) -> None:
    """Publish the last signed checkpoint: the last step, after all that it covers is there."""
    write(_CHECKPOINT, note.encode())


def check_start() -> None:
    """Refuse to start on a database that is not a continuation of what was signed.

    Raises DatabaseBehindAnchor (a restored backup, a truncated or another log), LogForked
    (same length, other content), AnchorMissing (checkpoints were published, none is here).
    Called at the start of web, worker and sequencer.
    """
    state, last = LogState.objects.first(), signed()
    if state and state.origin != settings.LOG_ORIGIN:
        raise LogForked(_RENAMED.format(ours=settings.LOG_ORIGIN, theirs=state.origin))
    size = state.size if state else 0
    if last is None:
        if Checkpoint.objects.exists():
            raise AnchorMissing(_MISSING.format(directory=directory()))
        return
    need_not_behind(size)
    if tiles.root_in_database(last.size) != last.root:
        raise LogForked(_FORKED.format(size=last.size))


def need_not_behind(size: int) -> None:
    """Raise DatabaseBehindAnchor where more was signed than the database holds now, LogForked
    where another log was.

    For whoever is about to make the log longer: on a restored backup that would be a fork.
    """
    last = signed()
    if last is None:
        return
    if last.origin != settings.LOG_ORIGIN:
        raise LogForked(_ORIGIN.format(ours=settings.LOG_ORIGIN, theirs=last.origin))
    if size < last.size:
        raise DatabaseBehindAnchor(_BEHIND.format(size=size, signed=last.size))


_BEHIND = (
    "The database holds {size} entries of the log, but {signed} were already signed: it is an "
    "old backup, or entries were removed. Restore a newer backup, or run `manage.py recover` "
    "to bring back from the anchor what the database has lost."
)
_MISSING = (
    "Checkpoints were published, but there is none in {directory}. Mount the anchor directory "
    "again, or set VAULT_ANCHOR to where it is now. If it is lost for good, run "
    "`manage.py sequence --new-anchor` once."
)
_FORKED = (
    "The first {size} entries in the database are not those that were signed. Run "
    "`manage.py verify_log` to see where they differ, and restore a backup."
)
_RENAMED = (
    "The database holds the log {theirs}, and a log keeps its name: set VAULT_LOG_ORIGIN to it, "
    "not to {ours}."
)
_ORIGIN = "This is the log {ours}, but the anchor belongs to {theirs}. Set VAULT_ANCHOR."


class _Watch:
    """The longest log that this process has seen, and whether it has become shorter since."""

    seen = 0
    shrunk = False


def guard_size(size: int) -> None:
    """Stop this process when the log has become shorter than it has already seen it.

    Raises LogShrank, then and ever after. Costs nothing as long as the log only grows.
    """
    at_least = _Watch.seen
    if size >= at_least:
        _Watch.seen = size
    # Threads report sizes out of order: only a look that begins after the larger one decides.
    elif _size_now() < at_least:
        _Watch.shrunk = True
    need_whole()


def need_whole() -> None:
    """Raise LogShrank if this process has seen the log shrink."""
    if _Watch.shrunk:
        raise LogShrank("the log became shorter while this process was running; it serves no more")


def forget() -> None:
    """Start anew, as a new process would."""
    _Watch.seen, _Watch.shrunk = 0, False


def _size_now() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT size FROM audit_logstate WHERE origin = %s", [settings.LOG_ORIGIN])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _make_directory(path: Path) -> None:
    if path.is_dir():
        return
    _make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
