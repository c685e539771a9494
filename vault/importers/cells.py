"""Cells of a table to the values that a category's schema wants."""

import re
from collections.abc import Mapping as Names
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from vault import categories
from vault.importers.mapping import Field, Mapping

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")
# Thousands separators and currency signs, as they stand in exports.
_ORNAMENT = re.compile(r"[,\s₩￦$€¥£원]")
_YES = frozenset({"y", "yes", "true", "1", "o", "예", "네", "참"})
_NO = frozenset({"n", "no", "false", "0", "x", "아니요", "아니오", "거짓"})


class Odd(Exception):
    """A cell that cannot be read: (which columns, what is wrong), without the cell."""


def record(mapping: Mapping, row: Names[str, Any]) -> dict[str, Any]:
    """Return the record that a row makes; empty cells make no field. Raises `Odd`."""
    value: dict[str, Any] = {}
    # Constants last: "KRW" makes no price where the amount's cell is empty.
    for field in sorted(mapping.fields, key=lambda field: not field.columns):
        cell = _cell(field, row) if field.columns else _constant(field, mapping, value)
        if cell is None or cell == "":
            continue
        try:
            _place(value, field, _converted(field, cell), mapping)
        except Odd as odd:
            what = {"column": " + ".join(field.columns), "what": str(odd)}
            raise Odd(_("column “%(column)s”: %(what)s") % what) from None
    return value


def _constant(field: Field, mapping: Mapping, value: dict[str, Any]) -> Any:
    """Return a constant, or nothing if its object would hold constants only by an empty cell."""
    parent = field.path[:-1]
    beside = any(other.columns and other.path[: len(parent)] == parent for other in mapping.fields)
    inner: Any = value
    for name in parent if beside else ():
        inner = inner.get(name)
        if inner is None:
            return None
        inner = inner[0] if isinstance(inner, list) else inner
    return field.constant


def _cell(field: Field, row: Names[str, Any]) -> Any:
    cells = [_looked_up(row, column) for column in field.columns]
    if len(cells) == 1:
        return cells[0].strip() if isinstance(cells[0], str) else cells[0]
    return " ".join(str(cell).strip() for cell in cells if cell is not None).strip()


def _looked_up(row: Names[str, Any], column: str) -> Any:
    """Return a cell by its column; in JSON also by a dotted path."""
    if column in row:
        return row[column]
    inner: Any = row
    for name in column.split("."):
        inner = inner.get(name) if isinstance(inner, dict) else None
    return inner


def _place(value: dict[str, Any], field: Field, cell: Any, mapping: Mapping) -> None:
    """Put a cell where its path says; a list on the way gets one entry."""
    path, is_list = field.path, field.schema.get("type") == "array"
    inner: Any = value
    for depth, name in enumerate(path[:-1]):
        inner = inner.setdefault(name, [{}] if _is_list(mapping, path[: depth + 1]) else {})
        inner = inner[0] if isinstance(inner, list) else inner
    inner[path[-1]] = [cell] if is_list and not isinstance(cell, list) else cell


def _is_list(mapping: Mapping, path: tuple[str, ...]) -> bool:
    schema: Any = categories.get(mapping.category).schema
    for name in path:
        schema = schema.get("items", schema)["properties"][name]
    return bool(schema.get("type") == "array")


def _converted(field: Field, cell: Any) -> Any:
    if field.values:
        return _known_value(field, cell)
    if field.dates:
        return _moment(field, str(cell))
    return _typed(field, cell)


def _known_value(field: Field, cell: Any) -> Any:
    try:
        return field.values[str(cell)]
    except KeyError:
        raise Odd(_("is none of the values that the mapping knows")) from None


def _typed(field: Field, cell: Any) -> Any:
    """Return the cell as the type that the schema wants, where a table writes it otherwise."""
    kind = field.schema.get("type")
    if kind == "array" and field.separator is not None:
        cell = [part.strip() for part in str(cell).split(field.separator) if part.strip()]
    elif kind in ("number", "integer") and isinstance(cell, str):
        cell = _number(cell, whole=kind == "integer")
    elif kind == "boolean" and not isinstance(cell, bool):
        cell = _yes_or_no(str(cell))
    elif kind == "string" and isinstance(cell, int | float) and not isinstance(cell, bool):
        cell = str(cell)
    return cell


def _moment(field: Field, cell: str) -> str:
    for form in field.dates:
        try:
            moment = datetime.strptime(cell, form)
        except ValueError:
            continue
        if field.schema.get("format") == "date":
            return date(moment.year, moment.month, moment.day).isoformat()
        moment = moment.replace(tzinfo=field.zone) if moment.tzinfo is None else moment
        return moment.isoformat()
    raise Odd(_("is not a date in the form that the mapping names"))


def _number(cell: str, *, whole: bool) -> float | int:
    plain = _ORNAMENT.sub("", cell)
    if not _NUMBER.match(plain) or len(plain) > 40:
        raise Odd(_("is not a number"))
    number = float(plain)
    if whole and not number.is_integer():
        raise Odd(_("is not a whole number"))
    return int(number) if number.is_integer() else number


def _yes_or_no(cell: str) -> bool:
    word = cell.strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise Odd(_("is neither yes nor no"))
