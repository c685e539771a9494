"""Rows into PostgreSQL by COPY. Model instances would cost more than the cryptography in them."""

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import AutoField, JSONField, Model
from psycopg.types.json import Jsonb


class Table:
    """A model's columns, with what all rows have in common filled in once.

    Defaults are drawn once, too: whatever must differ from row to row is given to `row`.
    """

    def __init__(self, model: type[Model], *, numbered: bool = False, **common: Any) -> None:
        self.model = model
        fields = [
            field
            for field in model._meta.concrete_fields
            if (numbered or not isinstance(field, AutoField)) and not field.has_db_default()
        ]
        self.columns = ", ".join(f'"{field.column}"' for field in fields)
        self.places = {field.attname: place for place, field in enumerate(fields)}
        self.json = {field.attname for field in fields if isinstance(field, JSONField)}
        self.common = [
            self._plain(field.attname, common.get(field.attname, field.get_default()))
            for field in fields
        ]

    def row(self, **values: Any) -> list[Any]:
        """Return one row: what is common, and what is its own."""
        made = self.common.copy()
        for name, value in values.items():
            made[self.places[name]] = self._plain(name, value)
        return made

    def copy(self, rows: Iterable[list[Any]]) -> None:
        """Insert the rows."""
        statement = f'COPY "{self.model._meta.db_table}" ({self.columns}) FROM STDIN'
        with connection.cursor() as cursor, cursor.copy(statement) as writer:
            for row in rows:
                writer.write_row(row)

    def _plain(self, name: str, value: Any) -> Any:
        return Jsonb(value) if name in self.json and value is not None else value
