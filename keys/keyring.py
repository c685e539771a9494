"""This process's keyring: made on the first run, opened once, looked at again every minute."""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection

from keys import files
from keys.exceptions import KeyringForeign, RootKeyMissing
from keys.generations import Keyring
from keys.providers import FileProvider
from keys.store import Store

REOPEN_EVERY = timedelta(seconds=60)
_opening = threading.Lock()
_ring: Keyring | None = None
_watch: threading.Thread | None = None
_stop = threading.Event()


def keyring() -> Keyring:
    """Return this process's keyring, opened on first use; every minute it is looked at again.

    Raises `RootKeyMissing`, `RootKeyWrong`, `KeyFileExposed` or `ProviderAway`, and then tries
    again the next time. Never makes a keyring: see `create_if_missing`.
    """
    # Reading a name is atomic: the lock is only for the first use.
    return _ring or _open()


def create_if_missing() -> Keyring:
    """Return the keyring, made now if there is none and the database is as new.

    Raises `RootKeyMissing` where the database already holds keys: a new root key would open
    none of them, and would look as if all were well.
    """
    directory = Path(settings.KEYRING_DIR)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with files.locked(directory):
        store = Store(directory, FileProvider(directory))
        if not store.exists:
            _refuse_beside_old_keys(directory)
            store.create(datetime.now(UTC))
    return keyring()


def check_start() -> None:
    """Refuse to start on a keyring that is not this database's.

    It would take in what its own keyring, once it is back, does not open. Raises `KeyringForeign`,
    and what `keyring` raises.
    """
    from keys.models import Key

    directory = Path(settings.KEYRING_DIR)
    try:
        ring = keyring()
    except RootKeyMissing:
        _refuse_beside_old_keys(directory)
        raise
    known = [generation.id for generation in ring.generations()]
    if Key.objects.exists() and not Key.objects.filter(generation__in=known).exists():
        raise KeyringForeign(_FOREIGN.format(directory=directory))


_FOREIGN = (
    "Not one key in the database is wrapped under a generation of the keyring in {directory}: it is "
    "another vault's, or the database is a backup from before its oldest generation. Put this "
    "database's own keyring there, or restore a newer backup."
)


def forget() -> None:
    """Close the process's keyring: the next use opens it anew."""
    global _ring  # noqa: PLW0603 - one keyring per process is what this module is for
    _ring = None


def stop_watching() -> None:
    """End the background look, if it runs."""
    global _watch  # noqa: PLW0603
    if _watch is not None:
        _stop.set()
        _watch.join()
        _watch = None
        _stop.clear()


def _open() -> Keyring:
    global _ring  # noqa: PLW0603
    with _opening:
        if _ring is None:
            directory = Path(settings.KEYRING_DIR)
            _ring = Keyring(directory, FileProvider(directory))
            _start_watching()
        return _ring


def _start_watching() -> None:
    # One thread for the life of the process, whatever keyring it holds at the time.
    global _watch  # noqa: PLW0603
    every: timedelta | None = getattr(settings, "KEYRING_REOPEN_EVERY", REOPEN_EVERY)
    if _watch is None and every is not None:
        seconds = every.total_seconds()
        _watch = threading.Thread(target=_keep_looking, args=(seconds,), daemon=True, name="keys")
        _watch.start()


def _keep_looking(seconds: float) -> None:
    while not _stop.wait(seconds):
        ring = _ring
        if ring is not None:
            ring.reopen()


def _refuse_beside_old_keys(directory: Path) -> None:
    # Before the first migration there is no table, and so no key.
    from keys.models import DestroyedKey, Key

    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    used = Key._meta.db_table in tables and (Key.objects.exists() or DestroyedKey.objects.exists())
    if used:
        raise RootKeyMissing(
            f"the database holds keys, but there is no keyring in {directory}; restore the keyring"
        )


def _after_fork() -> None:
    # Threads do not survive a fork, and a lock may have been held by one of them.
    global _opening, _watch, _stop
    _opening, _watch, _stop = threading.Lock(), None, threading.Event()
    forget()


os.register_at_fork(after_in_child=_after_fork)
