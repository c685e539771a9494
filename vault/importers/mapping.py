"""The mapping file: which column of a table goes into which field, and how it is written there.

    {"category": "purchase", "encoding": "cp949", "delimiter": ",",
     "fields": {
       "shop":           {"column": "가맹점명"},
       "at":             {"columns": ["승인일자", "승인시각"], "date": ["%Y.%m.%d %H:%M"],
                          "zone": "Asia/Seoul"},
       "total.amount":   {"column": "금액"},
       "total.currency": {"constant": "KRW"},
       "channel":        {"column": "구분", "values": {"온라인": "online", "매장": "store"}}}}

docs/importing.md is the guide. Numbers and yes/no are written as the category's schema wants them.
"""

from collections.abc import Mapping as Names
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jsonschema_rs
from django.conf import settings
from django.utils.translation import gettext as _

from vault import categories, strictjson, wording
from vault.exceptions import FileRefused, MalformedJSON, MappingInvalid, UnknownCategory
from vault.importers import texts

_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 20}
_FIELD = {
    "type": "object",
    "properties": {
        "column": _TEXT,
        "columns": _TEXTS,
        "constant": {"type": ["string", "number", "boolean"]},
        "date": {"anyOf": [_TEXT, _TEXTS]},
        "zone": _TEXT,
        "values": {"type": "object", "maxProperties": 500},
        "separator": {"type": "string", "minLength": 1, "maxLength": 5},
    },
    "additionalProperties": False,
    "minProperties": 1,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "category": _TEXT,
        "encoding": _TEXT,
        "delimiter": {"type": "string", "minLength": 1, "maxLength": 1},
        "skip_lines": {"type": "integer", "minimum": 0, "maximum": 100},
        "rows": {"type": "string", "maxLength": 200},
        "fields": {
            "type": "object",
            "additionalProperties": _FIELD,
            "minProperties": 1,
            "maxProperties": 200,
        },
    },
    "required": ["category", "fields"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Where a field of the record comes from, and what it must become."""

    path: tuple[str, ...]
    columns: tuple[str, ...]
    constant: Any
    dates: tuple[str, ...]
    zone: ZoneInfo
    values: Names[str, Any]
    separator: str | None
    # The field's own part of the category's schema.
    schema: Names[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """A checked mapping file."""

    category: str
    fields: tuple[Field, ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    skip_lines: int = 0
    # Where the rows of a JSON file lie, "data.list"; empty: the file is their list.
    rows: tuple[str, ...] = field(default=())


def load(data: bytes | Names[str, Any]) -> Mapping:
    """Return a mapping from its file, or from what one says. Raises `MappingInvalid`."""
    try:
        row = strictjson.loads(data) if isinstance(data, bytes) else data
    except MalformedJSON as error:
        raise MappingInvalid(str(error)) from None
    for finding in _validator().iter_errors(row):
        where, what = wording.problem(finding, SCHEMA)
        raise MappingInvalid(f"{where or '/'}: {what}")
    try:
        schema = categories.get(row["category"]).schema
        encoding = texts.known(row.get("encoding", "utf-8"))
    except UnknownCategory:
        raise MappingInvalid(_("/category: there is no such category")) from None
    except FileRefused:
        raise MappingInvalid(_("/encoding: the vault does not read this one")) from None
    return Mapping(
        category=row["category"],
        fields=tuple(_field(path, one, schema) for path, one in row["fields"].items()),
        encoding=encoding,
        delimiter=row.get("delimiter", ","),
        skip_lines=row.get("skip_lines", 0),
        rows=tuple(row["rows"].split(".")) if row.get("rows") else (),
    )


def _field(path: str, row: Names[str, Any], schema: Names[str, Any]) -> Field:
    columns = [row["column"]] if "column" in row else row.get("columns", [])
    if bool(columns) == ("constant" in row) or ("column" in row and "columns" in row):
        raise MappingInvalid(_("%(path)s: name either columns or a constant") % {"path": path})
    dates = row.get("date", [])
    try:
        zone = ZoneInfo(row.get("zone", settings.TIME_ZONE))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MappingInvalid(_("%(path)s: there is no such zone") % {"path": path}) from None
    return Field(
        path=tuple(path.split(".")),
        columns=tuple(columns),
        constant=row.get("constant"),
        dates=(dates,) if isinstance(dates, str) else tuple(dates),
        zone=zone,
        values=row.get("values", {}),
        separator=row.get("separator"),
        schema=_inner(path, schema),
    )


def _inner(path: str, schema: Names[str, Any]) -> Names[str, Any]:
    """Return the part of a schema that speaks of a field; a list's is that of its entries."""
    inner = schema
    for name in path.split("."):
        inner = inner.get("items", inner).get("properties", {}).get(name)
        if inner is None:
            raise MappingInvalid(_("%(path)s: the category has no such field") % {"path": path})
    return inner


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return categories.validator(SCHEMA)
