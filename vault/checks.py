"""What must be right about categories before the vault starts. Each finding names its file."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
from django.core.checks import CheckMessage, Error

from vault import categories
from vault.vocabulary import personal_data_terms

_ID = re.compile(r"[a-z][a-z0-9_]{1,63}\Z")
_KNOWN_KEYS = {
    "id", "dpv", "class", "also", "look_only", "label", "description", "happened", "schema",
}  # fmt: skip


def check_categories(**_: object) -> list[CheckMessage]:
    """Check every category file, shipped and the operator's."""
    messages = [_error(text) for path in categories.files(categories.SHIPPED_DIR)
                for text in mistakes(path)]  # fmt: skip
    folder = categories.operator_dir()
    if folder is not None and not folder.is_dir():
        return [*messages, _error(f"VAULT_CATEGORIES names {folder}, which is no folder.")]
    shipped = {path.stem for path in categories.files(categories.SHIPPED_DIR)}
    for path in categories.files(folder):
        messages += [_error(text) for text in mistakes(path)]
        if path.stem in shipped:
            messages.append(_error(f"{path}: “{path.stem}” is shipped; choose another id."))
    return messages


def mistakes(path: Path) -> list[str]:
    """Return what is wrong with one category file; empty if nothing is."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"{path}: cannot be read as JSON: {error}."]
    if not isinstance(row, dict):
        return [f"{path}: must be a JSON object."]
    return [f"{path}: {text}" for text in (*_outside(row, path.stem), *_schema(row))]


def _outside(row: Mapping[str, Any], stem: str) -> Iterator[str]:
    if row.get("id") != stem or not _ID.match(stem):
        yield "the id must be the file's name: small letters, digits and underscores."
    for name in row.keys() - _KNOWN_KEYS:
        yield f"there is no key “{name}”; known are {', '.join(sorted(_KNOWN_KEYS))}."
    classes = [row.get("class"), *row.get("also", [])]
    if any(name not in categories.CLASSES for name in classes):
        yield f"class and also must be of {', '.join(categories.CLASSES)}."
    unknown = [term for term in row.get("dpv") or [""] if term not in personal_data_terms()]
    if unknown:
        yield f"DPV has no {', '.join(unknown) or 'empty list'} in its personal data list."
    for key in ("label", "description"):
        yield from _label(row.get(key), key)


def _schema(row: Mapping[str, Any]) -> Iterator[str]:
    schema = row.get("schema")
    if not isinstance(schema, dict) or not jsonschema_rs.meta.is_valid(schema):
        yield "schema must be a JSON Schema (2020-12)."
        return
    try:
        categories.validator(schema)
    except (ValueError, jsonschema_rs.ReferencingError):
        yield "schema cannot be compiled: no references to elsewhere, patterns without look-around."
        return
    if schema.get("type") != "object":
        yield "schema must be of type object: a record is one."
    if row.get("happened") is not None and row["happened"] not in schema.get("properties", {}):
        yield "happened must name a field of the schema."
    yield from _objects(schema, "schema")


def _objects(schema: Mapping[str, Any], where: str) -> Iterator[str]:
    """Every object is closed, and every field has its name in both languages."""
    if "properties" in schema and schema.get("additionalProperties") is not False:
        yield f"{where}: additionalProperties must be false."
    for name, inner in schema.get("properties", {}).items():
        place = f"{where}.{name}"
        if "." in name:
            yield f"{place}: a field's name has no dot."
        yield from _label(inner.get("x-label"), f"{place}: x-label")
        yield from _objects(inner.get("items", inner), place)


def _label(label: object, where: str) -> Iterator[str]:
    texts = list(label.values()) if isinstance(label, dict) and label.keys() == {"ko", "en"} else []
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        yield f"{where} must have a text for ko and one for en."


def _error(text: str) -> CheckMessage:
    return Error(text, id="vault.E001")
