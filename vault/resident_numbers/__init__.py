"""Finds resident registration numbers (주민등록번호), which are neither stored nor requested.

PIPA Art. 24-2 forbids it whatever the person agrees to; consent.md 11.4 says what happens.
A number is six digits of a birth date, one digit for century and sex (1 to 4 for citizens,
5 to 8 for foreigners), six more digits. What counts as one:

separated   "YYMMDD-SNNNNNN", with dashes, middle dots or brackets, or with white space of any
            kind, and with spaced digits around a dash or all thirteen spaced: always, if the date
            is one on which somebody alive can have been born. Numbers given since October 2020
            have no check digit, so none is asked for.
labeled     the same digits however they are spaced and separated, after a word like
            "주민등록번호", in the text before them or as the field's name: always, with such a date.
bare        thirteen digits and nothing else about them, or with a comma between the halves, as
            between amounts: with such a date and a valid check digit. A tenth of the barcodes and
            order numbers that happen to start with a date is caught too; refusing those is the
            smaller wrong. Digits inside a hash in hexadecimal are none.

Digits may be full-width or of any script; invisible characters between them do not help. Digits
next to a further digit, or behind a decimal point (coordinates), are no candidates; neither are
floating-point numbers. Foreigners' numbers are let through in categories of class unique_id only.
Not found: digits spelled as words, numbers in pictures, halves in two fields or with words between
them, and without a label those with a slash or a dot between the halves.

How a number is written is in `writing.py`, the glance that passes nearly every record in
`glance.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vault import categories, wording
from vault.exceptions import RRNFound
from vault.resident_numbers.glance import may_hold
from vault.resident_numbers.writing import DIGITS, is_label, spans

__all__ = ["MASK", "mask", "may_hold", "places", "refuse", "spans"]
MASK = "*"


def refuse(category_id: str, value: object, data: bytes | None = None) -> None:
    """Pass if `value` holds no number that this category may not hold.

    `data` is the value in its one form of JSON, if it is there: mostly a glance at it is enough.
    Raises `RRNFound` with the JSON pointers of the places.
    """
    if data is not None and not may_hold(data):
        return
    category = categories.get(category_id)
    found = places(value, category.schema, foreign_allowed=_foreign_allowed(category))
    if found:
        raise RRNFound(found)


def places(value: object, schema: Mapping[str, Any], *, foreign_allowed: bool = False) -> list[str]:
    """Return the JSON pointers of all such numbers; names that the schema does not know are "*"."""
    known = frozenset(wording.names(schema))
    return [wording.pointer(path, known) for path in _places(value, foreign_allowed)]


def mask(category_id: str, value: Any) -> Any:
    """Return `value` with the last seven digits of every such number covered.

    A number as a name of a field, or as a JSON number, cannot be covered: `refuse` still raises.
    """
    return _masked(value, _foreign_allowed(categories.get(category_id)), label="")


def _foreign_allowed(category: categories.Category) -> bool:
    return "unique_id" in category.classes


def _places(value: object, foreign_allowed: bool, label: str = "") -> Iterator[list[str | int]]:
    """Yield the path of every string, name and number that holds one."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if spans(name, foreign_allowed=foreign_allowed):
                yield [name]
            yield from ([name, *rest] for rest in _places(inner, foreign_allowed, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ([index, *rest] for rest in _places(inner, foreign_allowed, label))
    elif _text_has_one(value, foreign_allowed, label):
        yield []


def _text_has_one(value: object, foreign_allowed: bool, label: str) -> bool:
    if isinstance(value, str):
        return bool(spans(value, foreign_allowed=foreign_allowed, label=label))
    if isinstance(value, int) and not isinstance(value, bool):
        # A number loses its leading zeros: births since 2000 have up to three of them. Fewer than
        # twelve digits count only under a label, or every telephone number would be suspicious.
        text = str(value)
        if len(text) >= 12 or (len(text) >= 10 and is_label(label)):
            text = text.zfill(DIGITS)
        return bool(spans(text, foreign_allowed=foreign_allowed, label=label))
    return False


def _masked(value: Any, foreign_allowed: bool, *, label: str) -> Any:
    if isinstance(value, dict):
        return {name: _masked(inner, foreign_allowed, label=name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, foreign_allowed, label=label) for inner in value]
    if isinstance(value, str):
        chars = list(value)
        for start, end in spans(value, foreign_allowed=foreign_allowed, label=label):
            chars[start:end] = MASK * (end - start)
        return "".join(chars)
    return value
