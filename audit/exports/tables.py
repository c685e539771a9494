"""entries.csv and codes.csv: the log as a spreadsheet shows it, in Korean time too.

Tables are for reading. What is proven is leaves.ndjson; the verifier does not believe tables.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from audit.exports.codes import CODES
from audit.exports.sheets import Sheet

BOM = b"\xef\xbb\xbf"  # spreadsheets take a file without it for another encoding
KST = timedelta(hours=9)
# A cell that begins like this would be run as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SUSPECT = re.compile(rb'"[=+@\t\r-]|\\|[^ -~]').search
OBJECTS = ("grant", "request", "pod", "partner", "client", "account", "obligation", "delivery")
COLUMNS = (
    "index", "time_utc", "time_kst", "type", "what_ko", "actor_role", "actor_partner",
    "actor_client", "actor_account", *OBJECTS, "purpose", "categories", "actions", "from", "until",
    "outcome", "reason", "kind", "law", "epoch", "opens", "closes", "repeats", "of", "id",
)  # fmt: skip


class Placed(Protocol):
    """An entry at its place in the tree."""

    @property
    def place(self) -> int:
        """The index."""

    @property
    def leaf(self) -> bytes:
        """The bytes of it."""


class Table:
    """Writes entries as rows."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        sheet.write(BOM)
        sheet.write(as_csv([COLUMNS]))

    def write(self, read: Sequence[tuple[Placed, dict[str, Any]]]) -> None:
        """Write these entries."""
        self._sheet.write(as_csv(_row(row, fields) for row, fields in read))


def as_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows as UTF-8 with CR LF."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _row(row: Placed, fields: dict[str, Any]) -> list[Any]:
    cells = _cells(row.place, fields)
    # A cell begins where a string of the leaf begins: without this there is nothing to make safe.
    if _SUSPECT(row.leaf):
        cells = [safe(cell) if type(cell) is str else cell for cell in cells]
    return cells


def safe(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula, on one line."""
    if cell.startswith(FORMULA):
        cell = "'" + cell
    return cell.replace("\r", " ").replace("\n", " ") if not cell.isprintable() else cell


def codes() -> bytes:
    """Return the list of codes: what each means, and the provision it serves."""
    rows = [("code", "한국어", "English", "근거 · provision")]
    rows += [(code, ko, en, law) for code, (ko, en, law) in sorted(CODES.items())]
    return BOM + as_csv(rows)


def _cells(index: int, fields: dict[str, Any]) -> list[Any]:
    actor, moment, kind = fields.get("actor"), fields.get("time"), fields.get("type")
    actor = actor if isinstance(actor, dict) else {}
    get = fields.get
    return [
        index, moment, in_korea(moment), kind, CODES.get(str(kind), _NO_CODE)[0],
        actor.get("role"), actor.get("partner"), actor.get("client"), actor.get("account"),
        *[get(name) for name in OBJECTS], get("purpose"), _list(get("categories")),
        _list(get("actions")), get("from"), get("until"), get("outcome"), get("reason"),
        get("kind"), get("law"), get("epoch"), get("opens"), get("closes"), get("repeats"),
        get("of"), get("id"),
    ]  # fmt: skip


_NO_CODE = ("", "", "")


def _list(found: object) -> str:
    return " ".join(map(str, found)) if isinstance(found, list) else ""


def in_korea(moment: object) -> str:
    """Return the moment of a leaf in Korean time, empty where it is none."""
    text = str(moment)
    hour = _hour_in_korea(text[:13])
    return f"{hour}{text[13:19]}" if hour else ""


@lru_cache(maxsize=4096)
def _hour_in_korea(hour: str) -> str:
    try:
        return (datetime.fromisoformat(f"{hour}:00") + KST).strftime("%Y-%m-%d %H")
    except ValueError:
        return ""
