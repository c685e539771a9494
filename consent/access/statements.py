"""Runs the read path's own statements.

On PostgreSQL in binary form (`audit.statements`), and planned once per connection
(`prepare_threshold`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from audit.statements import binary_cursor

Row = tuple[Any, ...]


def fetch_all(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
    """Run one statement and return its rows. Raises django.db's errors."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())
    with binary_cursor() as cursor:
        return list(cursor.execute(statement, values).fetchall())
