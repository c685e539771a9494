"""Takes a backup of the whole database and puts it back, as an operator would.

On SQLite the database file itself is copied, by SQLite's own backup. On PostgreSQL every table
goes out by COPY and comes back by COPY, sequences included. Keyring and anchor are neither
taken nor put back: that they are elsewhere is what recovery lives on.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from audit import anchor, merkle, sequencer, tiles, verifying
from audit.exceptions import DatabaseBehindAnchor
from audit.models import Leaf
from consent import recovery


class Backup:
    """The database as it was at one moment."""

    def __init__(self, path: Path) -> None:
        """Take it now; `path` is where the copy may lie."""
        self._path = path
        self._tables: dict[str, bytes] = {}
        self._sequences: dict[str, tuple[int, bool]] = {}
        if connection.vendor == "sqlite":
            _copy(_raw(), path)
        else:
            self._dump()

    def put_back(self) -> None:
        """Put it in the place of what is there. Processes start anew afterwards."""
        if connection.vendor == "sqlite":
            # The new file takes the old one's place whole, write-ahead log and all.
            connection.close()
            with sqlite3.connect(self._path) as source:
                source.backup(_raw())
            source.close()
        else:
            self._load()
        anchor.forget()

    def _dump(self) -> None:
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
                    self._tables[table] = b"".join(bytes(part) for part in copy)
            cursor.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
            for (name,) in cursor.fetchall():
                cursor.execute(f'SELECT last_value, is_called FROM "{name}"')
                self._sequences[name] = cursor.fetchone()

    def _load(self) -> None:
        with connection.cursor() as cursor:
            # As pg_restore does: neither triggers nor foreign keys look at what comes in.
            cursor.execute("SET session_replication_role = replica")
            names = ", ".join(f'"{table}"' for table in self._tables)
            cursor.execute(f"TRUNCATE {names}")
            for table, data in self._tables.items():
                with cursor.copy(f'COPY "{table}" FROM STDIN') as copy:
                    copy.write(data)
            for name, (last, called) in self._sequences.items():
                cursor.execute("SELECT setval(%s, %s, %s)", [name, last, called])
            cursor.execute("SET session_replication_role = origin")


Taken = Callable[[], Backup]


def _raw() -> Any:
    connection.ensure_connection()
    return connection.connection


def _copy(source: Any, path: Path) -> None:
    path.unlink(missing_ok=True)
    target = sqlite3.connect(path)
    try:
        source.backup(target)
    finally:
        target.close()


# What every such test does -------------------------------------------------------------
def publish() -> int:
    """Sequence everything, sign it, and return the size of the log."""
    while sequencer.sequence_once() == sequencer.BATCH:
        pass
    found = sequencer.publish()
    assert found is not None
    return found.size


def lose(backup: Backup) -> None:
    """Publish what happened since, restore the backup, and see that nothing starts on it."""
    publish()
    backup.put_back()
    with pytest.raises(DatabaseBehindAnchor, match=r"manage\.py recover"):
        anchor.check_start()


def recover() -> recovery.Plan:
    """Recover, and hold the log to what had been signed: the same leaves, and then new ones."""
    signed = signed_hashes()
    found = recovery.recover()
    need_continued(signed)
    return found


def need_continued(signed: list[bytes]) -> None:
    """Hold the database to a log that continues these leaves, verifies, and can be signed."""
    anchor.check_start()
    assert hashes() == signed
    publish()
    assert hashes()[: len(signed)] == signed
    assert list(verifying.findings()) == []


def signed_hashes() -> list[bytes]:
    """Return the leaf hashes that the anchor's bundles hold."""
    signed = anchor.signed()
    assert signed is not None
    found: list[bytes] = []
    for start in range(0, signed.size, 256):
        data = anchor.read(tiles.path("entries", start // 256, min(256, signed.size - start)))
        assert data is not None
        found += [merkle.leaf_hash(each) for each in tiles.unbundle(data)]
    return found


def hashes() -> list[bytes]:
    """Return the leaf hashes of the database, in their places."""
    rows = Leaf.objects.order_by("index").values_list("leaf_hash", flat=True)
    return [bytes(each) for each in rows]
