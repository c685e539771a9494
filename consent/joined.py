"""Loads rows of several models with one statement that was written once.

Django composes a statement anew for each query. Where a lock is held that readers wait behind,
that costs more than the database needs. For PostgreSQL alone.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model

Tables = tuple[tuple[str, type[Model]], ...]  # the tables of a statement and what they hold


@cache
def columns(tables: Tables) -> str:
    """Return what to select of these tables, for `loaded`."""
    return ", ".join(
        f'{alias}."{field.column}"'
        for alias, model in tables
        for field in model._meta.concrete_fields
    )


def loaded(tables: Tables, row: Sequence[Any]) -> list[Any]:
    """Return one object of each model, as if Django had fetched it."""
    found, start = [], 0
    for _alias, model in tables:
        names, converters = _fields(model)
        values = list(row[start : start + len(names)])
        for place, convert in converters:
            values[place] = convert(values[place], None, connection)
        found.append(model.from_db(connection.alias, names, values))
        start += len(names)
    return found


@cache
def _fields(model: type[Model]) -> tuple[list[str], list[tuple[int, Any]]]:
    """Return the attributes of a row in their order, and what turns a column into its value."""
    fields = model._meta.concrete_fields
    converters = [
        (place, convert)
        for place, field in enumerate(fields)
        for convert in field.get_db_converters(connection)
    ]
    return [field.attname for field in fields], converters
