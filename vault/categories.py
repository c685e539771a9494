"""What kinds of records there are: their schema, their names, how carefully they are handled.

Shipped categories lie in `vault/categories/<id>.json`; an operator's own lie in the folder that
the setting CATEGORY_DIR names and are checked at start (`vault/checks.py`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jsonschema_rs
from django.conf import settings

from vault import wording
from vault.exceptions import RecordInvalid, UnknownCategory
from vault.vocabulary import Label

SHIPPED_DIR = Path(__file__).parent / "categories"
VIEWS_DIR = Path(__file__).parent / "derived"
CLASSES = ("general", "sensitive", "unique_id", "location")
# A record with thousands of mistakes tells of the first ones; the rest says nothing new.
MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One kind of record."""

    id: str
    dpv: tuple[str, ...]
    # How its consent is asked for: "sensitive", "unique_id" and "location" have their own ticks.
    class_: str
    # Further classes: a workout is sensitive and says where the person was.
    also: tuple[str, ...]
    # Nobody may store a copy, because other people are in it.
    look_only: bool
    label: Label
    description: Label
    # The top-level field that says when the thing itself happened.
    happened: str | None
    schema: Mapping[str, Any]
    # Every field by its dotted path, "price" and "price.amount"; lists add no step of their own.
    fields: Mapping[str, Label]
    shipped: bool
    # A view holds no records: it is computed from those of this category (`vault/derived`).
    of: str = ""
    compute: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Return the category whose records it shows: itself, unless it is a view."""
        return self.of or self.id

    @property
    def label_ko(self) -> str:
        return self.label.ko

    @property
    def label_en(self) -> str:
        return self.label.en

    @property
    def classes(self) -> frozenset[str]:
        """Return every class that it belongs to."""
        return frozenset((self.class_, *self.also))

    @property
    def top_fields(self) -> tuple[str, ...]:
        """Return the fields that a grant can name."""
        return tuple(path for path in self.fields if "." not in path)


@cache
def load() -> Mapping[str, Category]:
    """Return every category that holds records by its id, shipped ones first; read once."""
    shipped = {path.stem: read(path, shipped=True) for path in files(SHIPPED_DIR)}
    own = {path.stem: read(path, shipped=False) for path in files(operator_dir())}
    return MappingProxyType(shipped | own)


@cache
def views() -> Mapping[str, Category]:
    """Return every view by its id; read once per process."""
    return MappingProxyType({path.stem: read(path, shipped=True) for path in files(VIEWS_DIR)})


def find(category_id: str) -> Category | None:
    """Return a category or a view, whatever may be asked for and granted; None for neither."""
    return load().get(category_id) or views().get(category_id)


def get(category_id: str) -> Category:
    """Return one category or view.

    Raises `UnknownCategory`.
    """
    found = find(category_id)
    if found is None:
        raise UnknownCategory
    return found


def sources(names: Iterable[str]) -> list[str]:
    """Return the categories whose records these categories and views show, in one order."""
    known = {name: find(name) for name in names}
    return sorted({name if kind is None else kind.source for name, kind in known.items()})


def covering(category_id: str) -> list[str]:
    """Return the category and the views of it: whatever shows something of its records."""
    return [category_id, *(view.id for view in views().values() if view.of == category_id)]


def validate(category_id: str, value: object) -> None:
    """Pass if `value` fits the category's schema.

    Raises `UnknownCategory`, for a view too, or `RecordInvalid` with (JSON pointer, what is
    wrong): neither ever repeats a value, nor a name of a field that the schema does not know.
    """
    category = get(category_id)
    if category.of:
        raise UnknownCategory
    if _validator(category_id).is_valid(value):
        return
    problems = []
    for error in wording.findings(_validator(category_id), value):
        problems.append(wording.problem(error, category.schema))
        if len(problems) == MOST_PROBLEMS:
            break
    if problems:
        raise RecordInvalid(problems)


def happened_at(category: Category, value: object) -> datetime | None:
    """Return when the thing happened, by its record; a bare day counts from its midnight, UTC."""
    if category.happened is None or not isinstance(value, dict):
        return None
    text = value.get(category.happened)
    if not isinstance(text, str):
        return None
    try:
        if len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def operator_dir() -> Path | None:
    """Return the folder with the operator's own categories, if one is set."""
    return Path(settings.CATEGORY_DIR) if settings.CATEGORY_DIR else None


def files(folder: Path | None) -> list[Path]:
    """Return the category files of a folder in a stable order."""
    return sorted(folder.glob("*.json")) if folder is not None else []


def read(path: Path, *, shipped: bool) -> Category:
    """Return the category that a file describes; `vault/checks.py` says what is wrong with one."""
    row = json.loads(path.read_text(encoding="utf-8"))
    return Category(
        id=row["id"],
        dpv=tuple(row["dpv"]),
        class_=row["class"],
        also=tuple(row.get("also", ())),
        look_only=row.get("look_only", False),
        label=Label(**row["label"]),
        description=Label(**row["description"]),
        happened=row.get("happened"),
        schema=row["schema"],
        fields=MappingProxyType(dict(_fields(row["schema"]))),
        shipped=shipped,
        of=row.get("of", ""),
        compute=MappingProxyType(row.get("compute", {})),
    )


def validator(schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Compile a schema: formats count, patterns run in linear time, nothing is fetched."""
    return jsonschema_rs.Draft202012Validator(
        dict(schema),
        validate_formats=True,
        offline=True,
        mask="…",
        pattern_options=jsonschema_rs.RegexOptions(),
    )


@cache
def _validator(category_id: str) -> jsonschema_rs.Draft202012Validator:
    return validator(get(category_id).schema)


def _fields(schema: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Label]]:
    """List the labeled fields below a schema, each before what lies in it."""
    found = []
    for name, inner in schema.get("properties", {}).items():
        found.append((prefix + name, Label(**inner["x-label"])))
        found += _fields(inner.get("items", inner), f"{prefix}{name}.")
    return found
