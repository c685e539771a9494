"""Inserts rows by one statement with an array for each column.

Ending everything writes thousands of rows while readers wait: as a statement with a parameter for
each value, compiling it would cost more than everything else that an end does.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import AutoField, Field, JSONField, Model
from psycopg.types.json import Jsonb

from audit.statements import binary_cursor

M = TypeVar("M", bound=Model)
ROWS = 2000  # SQLite takes one parameter a value, and only so many


def insert_all(model: type[M], rows: Iterable[M]) -> list[M]:
    """Insert new rows, whose keys were drawn in Python where something is to point at them.

    Raises django.db's errors, in a pipeline only when its answer is waited for.
    """
    made = list(rows)
    if connection.vendor != "postgresql":
        return model._default_manager.bulk_create(made, batch_size=ROWS)
    if made:
        columns = [[_plain(field, row) for row in made] for field in _fields(model)]
        with binary_cursor() as cursor:
            cursor.execute(_statement(model), columns)
    for row in made:
        row._state.adding, row._state.db = False, connection.alias
    return made


@cache
def _fields(model: type[Model]) -> "tuple[Field[Any, Any], ...]":
    concrete = model._meta.concrete_fields
    return tuple(field for field in concrete if not isinstance(field, AutoField))


@cache
def _statement(model: type[Model]) -> str:
    names = ", ".join(f'"{field.column}"' for field in _fields(model))
    arrays = ", ".join(f"%b::{_type(field)}[]" for field in _fields(model))
    table = model._meta.db_table
    return f'INSERT INTO "{table}" ({names}) SELECT * FROM unnest({arrays})'  # noqa: S608 no value in it


def _type(field: "Field[Any, Any]") -> str:
    # Without its length: a cast to varchar(9) would cut what the insert has to refuse.
    return re.sub(r"\(.*\)", "", field.db_type(connection) or "")


def _plain(field: "Field[Any, Any]", row: Model) -> Any:
    value = field.pre_save(row, add=True)
    return Jsonb(value) if isinstance(field, JSONField) and value is not None else value
