"""What is wrong with a record, in words that repeat nothing from the record."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from jsonschema_rs import Draft202012Validator, ValidationError

from vault.exceptions import Problem

# The validator works out all findings before it gives the first: a second or more for a
# megabyte of small mistakes. Of a document with more values than this only one is told.
MANY_VALUES = 5000


def findings(validator: Draft202012Validator, value: object) -> Iterator[ValidationError]:
    """Yield what is wrong with `value`; of a very large one, only what is found first."""
    if not _is_large(value):
        yield from validator.iter_errors(value)
        return
    try:
        validator.validate(value)
    except ValidationError as error:
        yield error


def _is_large(value: object) -> bool:
    left, seen = [value], 0
    while left and seen <= MANY_VALUES:
        one = left.pop()
        parts = one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ()
        seen += len(parts)
        if seen <= MANY_VALUES:
            left.extend(parts)
    return seen > MANY_VALUES


def problem(error: ValidationError, schema: Mapping[str, Any]) -> Problem:
    """Return (JSON pointer, what is wrong) for one finding of the validator."""
    return pointer(error.instance_path, frozenset(names(schema))), what(error)


def pointer(path: list[str | int], known: frozenset[str]) -> str:
    """Return a JSON pointer; a name that the schema does not know becomes "*"."""
    steps = (str(step) if isinstance(step, int) or step in known else "*" for step in path)
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def names(schema: object) -> Iterator[str]:
    """Yield every field name that a schema speaks of."""
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            yield from properties
        for inner in schema.values():
            yield from names(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from names(inner)


def what(error: ValidationError) -> str:
    """Return the finding in a sentence made from the schema alone."""
    kind = error.kind
    detail = kind.as_dict()
    sentence = _SENTENCES.get(kind.name)
    return sentence(detail) if sentence is not None else _("does not fit this category")


def _limit(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {"limit": detail["limit"]}


def _format(name: str) -> str:
    """Return a format of JSON Schema in a word that people use; others as they are."""
    words = {
        "date-time": _("date and time"),
        "date": _("date"),
        "email": _("e-mail address"),
        "uri": _("web address"),
    }
    return words.get(name, name)


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "additionalProperties": lambda _d: _("has a field that this category does not know"),
    "unevaluatedProperties": lambda _d: _("has a field that this category does not know"),
    "required": lambda d: _("the field “%(name)s” is missing") % {"name": d["property"]},
    "type": lambda d: _("is not of type %(types)s") % {"types": ", ".join(d["types"])},
    "format": lambda d: _("is not a valid %(format)s") % {"format": _format(d["format"])},
    "const": lambda d: _("must be %(value)s") % {"value": json.dumps(d["expected_value"])},
    "enum": lambda _d: _("is none of the allowed choices"),
    "pattern": lambda _d: _("does not have the required form"),
    "maxLength": lambda d: _("is longer than %(limit)s characters") % _limit(d),
    "minLength": lambda d: _("is shorter than %(limit)s characters") % _limit(d),
    "maxItems": lambda d: _("has more than %(limit)s entries") % _limit(d),
    "minItems": lambda d: _("has fewer than %(limit)s entries") % _limit(d),
    "maximum": lambda d: _("is greater than %(limit)s") % _limit(d),
    "minimum": lambda d: _("is less than %(limit)s") % _limit(d),
    "minProperties": lambda _d: _("is empty"),
}
