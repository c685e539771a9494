"""Runs the read path's own statements, in binary form on PostgreSQL.

Sealed bytes go as bytes instead of hex twice as long, moments and ids without a parser in Python;
and each is planned once per connection (`prepare_threshold`, `prepared`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from audit.statements import binary_cursor
from consent.access import prepared

Row = tuple[Any, ...]


def fetch_all(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
    """Run one statement and return its rows. Raises django.db's errors."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())
    connection.ensure_connection()
    if prepared.is_possible(connection.connection):
        with connection.wrap_database_errors:
            return prepared.fetch_all(connection.connection, statement, values)
    with binary_cursor() as cursor:
        return list(cursor.execute(statement, values).fetchall())
