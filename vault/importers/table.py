"""Reads tables, CSV or JSON, with a mapping file: one row, one record."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from vault import strictjson
from vault.exceptions import FileRefused, MalformedJSON
from vault.importers import cells, texts
from vault.importers.findings import LARGEST_FILE, Bad, Finding, Item
from vault.importers.mapping import Mapping

LONGEST_CELL = 128 * 1024
MOST_COLUMNS = 1000
_LIMITS = strictjson.Limits(size=LARGEST_FILE)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def read(data: bytes, mapping: Mapping, kind: str) -> Iterator[Finding]:
    """Yield the rows of a table of kind "csv" or "json". Raises `FileRefused`."""
    rows = _csv_rows(data, mapping) if kind == "csv" else _json_rows(data, mapping)
    for row in rows:
        if isinstance(row, Bad):
            yield row
            continue
        line, found, entry = row
        try:
            value = cells.record(mapping, found)
        except cells.Odd as odd:
            yield Bad(line, str(odd), entry)
        else:
            yield Item(line, mapping.category, value, entry)


# The line, the cells, and in JSON, which may stand on one line, the number of the entry.
Row = tuple[int, dict[str, Any], int | None]


# CSV (RFC 4180) ----------------------------------------------------------------------
def _csv_rows(data: bytes, mapping: Mapping) -> Iterator[Row | Bad]:
    text = texts.decode(data, mapping.encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    rows = _lines(reader)
    for _skipped in range(mapping.skip_lines):
        next(rows, None)
    header = _header(next(rows, None), mapping)
    for line, found in rows:
        if isinstance(found, str):
            yield Bad(line, found)
        elif len(found) != len(header):
            what = {"found": len(found), "wanted": len(header)}
            yield Bad(line, _("has %(found)s cells instead of %(wanted)s") % what)
        elif any(found):
            yield line, dict(zip(header, found, strict=True)), None


def _lines(reader: Any) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each row, or what is wrong with it, with the line on which it begins."""
    while True:
        begun = reader.line_num + 1
        try:
            found = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield begun, _("has a quotation mark that does not fit, or a cell that is too long")
            continue
        if found:
            yield begun, found


def _header(row: tuple[int, list[str] | str] | None, mapping: Mapping) -> list[str]:
    if row is None or isinstance(row[1], str):
        raise FileRefused(_("has no header"), row[0] if row else 1)
    line, names = row[0], [name.strip() for name in row[1]]
    named = [name for name in names if name]
    if len(set(named)) != len(named) or len(names) > MOST_COLUMNS:
        raise FileRefused(_("has two columns of one name, or too many of them"), line)
    wanted = {column for field in mapping.fields for column in field.columns}
    if missing := sorted(wanted - set(names)):
        what = {"names": ", ".join(missing)}
        raise FileRefused(_("has no column %(names)s, which the mapping names") % what, line)
    return names


# JSON --------------------------------------------------------------------------------
def _json_rows(data: bytes, mapping: Mapping) -> Iterator[Row | Bad]:
    text = texts.decode(data, mapping.encoding)
    try:
        rows = strictjson.loads(text.encode(), _LIMITS)
    except MalformedJSON as error:
        raise FileRefused(error.what, error.line) from None
    for name in mapping.rows:
        rows = rows.get(name) if isinstance(rows, dict) else None
    if not isinstance(rows, list):
        raise FileRefused(_("has no list of rows where the mapping says"), 1)
    lines = _entry_lines(text, mapping.rows)
    for entry, (line, row) in enumerate(zip(lines, rows, strict=True), 1):
        good = isinstance(row, dict)
        yield (line, row, entry) if good else Bad(line, _("is not an object"), entry)


def _entry_lines(text: str, path: tuple[str, ...]) -> Iterator[int]:
    """Yield the line of each entry of the list at `path`, in a document that was read before."""
    # The way from the root to here: a name for each object, None for each list.
    way: list[str | None] = []
    name, line, last, fresh = "", 1, 0, False
    for token in _TOKEN.finditer(text):
        word, start = token.group(), token.start()
        line += text.count("\n", last, start)
        last = start
        if fresh and word != "]" and way[-1] is None and tuple(way[:-1]) == path:
            yield line
        fresh = False
        if word in "[{":
            if way and way[-1] is not None:
                way[-1] = name
            way.append(None if word == "[" else "")
            fresh = word == "["
        elif word in "]}":
            way.pop()
        elif word == ",":
            fresh = bool(way) and way[-1] is None
        elif word[0] == '"':
            name = json.loads(word)


csv.field_size_limit(LONGEST_CELL)
