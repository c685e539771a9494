"""Looks for a value in everything that a vault leaves behind, however it is written there."""

import base64
import contextlib
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import dj_database_url
import psycopg
from psycopg import sql


def writings(value: str) -> Iterator[bytes]:
    """Yield the ways in which a value may stand somewhere in clear."""
    raw = value.encode()
    yield raw
    yield value.encode("utf-16-le")
    yield json.dumps(value)[1:-1].encode()
    yield quote(value).encode()
    yield raw.hex().encode()
    for shift in range(3):
        # Inside a longer base64 text the first and last characters depend on the neighbors.
        yield base64.b64encode(b"\x00" * shift + raw)[4:-4]
    yield "".join(f"&#{ord(character)};" for character in value).encode()


def needles(*values: str) -> frozenset[bytes]:
    """Return everything that must not be found, in one case."""
    return frozenset(written.lower() for value in values for written in writings(value))


def find(wanted: frozenset[bytes], haystack: Mapping[str, bytes]) -> list[str]:
    """Return the places in which one of the needles is."""
    return [
        place
        for place, data in haystack.items()
        for text in (data.lower(),)
        if any(needle in text for needle in wanted)
    ]


def of_files(folder: Path, *, apart: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return every file below a folder: databases with their journals, logs, mails, tiles, keys."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in apart
    }


def of_archive(path: Path) -> dict[str, bytes]:
    """Return every member of an export."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def of_tables(environment: Mapping[str, str]) -> dict[str, bytes]:
    """Return what the tables of a PostgreSQL database hold; SQLite's are files of the vault."""
    if not _is_postgres(environment):
        return {}
    with _connected(environment) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return {name: _copied(connection, name) for (name,) in names}


def of_sessions(environment: Mapping[str, str]) -> dict[str, bytes]:
    """Return what the sessions hold: they are packed, so no search of tables looks into them."""
    query = "SELECT session_key, session_data FROM django_session"
    if _is_postgres(environment):
        with _connected(environment) as connection:
            rows = connection.execute(query).fetchall()
    else:
        with contextlib.closing(sqlite3.connect(_sqlite(environment))) as database:
            rows = database.execute(query).fetchall()
    return {f"session {number}": _unpacked(data) for number, (_key, data) in enumerate(rows)}


def _is_postgres(environment: Mapping[str, str]) -> bool:
    return environment.get("DATABASE_URL", "").startswith("postgres")


def _sqlite(environment: Mapping[str, str]) -> Path:
    return Path(environment["VAULT_VAR"]) / "vault.sqlite3"


def _connected(environment: Mapping[str, str]) -> psycopg.Connection:
    parts = dj_database_url.parse(environment["DATABASE_URL"])
    return psycopg.connect(
        host=parts["HOST"], port=parts["PORT"] or 5432, user=parts["USER"],
        password=parts["PASSWORD"] or None, dbname=parts["NAME"], autocommit=True,
    )  # fmt: skip


def _copied(connection: psycopg.Connection, table: str) -> bytes:
    statement = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(table))
    with connection.cursor().copy(statement) as copy:
        return b"".join(bytes(block) for block in copy)


def _unpacked(session: str) -> bytes:
    """Return what a session row holds: signed text, compressed where that is shorter."""
    body = session.partition(":")[0]
    packed = body.startswith(".")
    raw = base64.urlsafe_b64decode(body.lstrip(".") + "=" * (-len(body.lstrip(".")) % 4))
    return zlib.decompress(raw) if packed else raw
