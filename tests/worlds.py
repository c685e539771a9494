"""What a vault in processes of its own needs of a test run: a database of its own, and time."""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dj_database_url
import psycopg
import pytest
from psycopg import sql


def give_time(items: Iterable[pytest.Item], *, below: Path) -> None:
    """Give the tests below a folder time enough to start such a vault."""
    for item in items:
        if below in item.path.parents:
            item.add_marker(pytest.mark.timeout(400))


@contextmanager
def own_database() -> Iterator[dict[str, str]]:
    """A database of this world's own where the tests run on PostgreSQL; else its SQLite file."""
    address = os.environ.get("DATABASE_URL", "")
    if not address.startswith("postgres"):
        yield {}
        return
    parts = dj_database_url.parse(address)
    name = f"story_{secrets.token_hex(6)}"
    server = {"host": parts["HOST"], "port": parts["PORT"] or 5432, "user": parts["USER"],
              "password": parts["PASSWORD"] or None, "dbname": parts["NAME"]}  # fmt: skip
    with psycopg.connect(**server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield {"DATABASE_URL": address.rsplit("/", 1)[0] + f"/{name}"}
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            admin.execute(drop)
