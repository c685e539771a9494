"""Runs the read path's own statements.

On PostgreSQL through psycopg's plain cursor in binary form: sealed bytes come as bytes instead of
hex twice as long, moments without a parser in Python. Planned once per connection
(`prepare_threshold`). Everything else of Django's connection stays: its settings, its
transaction, its errors.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

Row = tuple[Any, ...]


def fetch_all(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
    """Run one statement and return its rows. Raises django.db's errors."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.cursor(binary=True) as cursor:
        return list(cursor.execute(statement, values).fetchall())
