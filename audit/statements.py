"""Runs hand-written statements through psycopg's plain cursor, in binary form.

Sealed bytes go as bytes instead of hex twice as long, moments and ids without a parser in Python.
Everything else of Django's connection stays: its settings, its transaction, its errors. For
PostgreSQL alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection


@contextmanager
def binary_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """Give a cursor on Django's own connection. Its errors are django.db's."""
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.cursor(binary=True) as cursor:
        yield cursor
