"""Finds resident registration numbers (주민등록번호), which are neither stored nor requested.

PIPA Art. 24-2 forbids it whatever the person agrees to; consent.md 11.4 says what happens.
A number is six digits of a birth date, one digit for century and sex (1 to 4 for citizens,
5 to 8 for foreigners), six more digits. What counts as one:

separated   "YYMMDD-SNNNNNN", with any dash, or spaces, or spaced digits around a dash: always,
            if the date is one on which somebody alive can have been born. Numbers given since
            October 2020 have no check digit, so none is asked for.
labeled     the same digits without a separator (or with a dot or slash) after a word like
            "주민등록번호", in the text before them or as the field's name: always, with such a date.
bare        thirteen digits and nothing else about them: with such a date and a valid check digit.
            A tenth of the barcodes and order numbers that happen to start with a date is caught
            too; refusing those is the smaller wrong.

Digits may be full-width or of any script; invisible characters between them do not help. Digits
next to a further digit, or behind a decimal point (coordinates), are no candidates; neither are
floating-point numbers. Foreigners' numbers are let through in categories of class unique_id only.
Not found: digits spelled as words, numbers in pictures, halves in two fields.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from vault import categories, wording
from vault.exceptions import RRNFound

MASK = "*"
OLDEST = timedelta(days=120 * 366)
_DIGITS = 13
_DASHES = "-‐‑‒–—―−─ー﹘﹣－ｰ~〜～_"
_LABEL = re.compile(
    r"주민\s*(등록)?\s*번호|주민\s*등록|외국인\s*등록|resident\s*(registration)?\s*(number|no)|"
    r"(?<![a-z])(rrn|jumin|ssn)(?![a-z])",
    re.IGNORECASE,
)
_LABEL_REACH = 40  # characters before the digits
_NO_DIGIT_BEFORE, _NO_DIGIT_AFTER = r"(?<![0-9])", r"(?![0-9])"
# Behind or before a decimal point stands half of a number, a coordinate for example.
_START, _END = _NO_DIGIT_BEFORE + r"(?<![0-9]\.)", _NO_DIGIT_AFTER + r"(?!\.[0-9])"
_DASHED = re.compile(
    rf"{_NO_DIGIT_BEFORE}([0-9](?: ?[0-9]){{5}}) {{0,3}}- {{0,3}}"
    rf"([1-8](?: ?[0-9]){{6}}){_NO_DIGIT_AFTER}"
)
_SPACED = re.compile(rf"{_START}([0-9]{{6}}) {{1,3}}([1-8][0-9]{{6}}){_END}")
_JOINED = re.compile(rf"{_START}([0-9]{{6}})[./:]?([1-8][0-9]{{6}}){_END}")
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
Span = tuple[int, int]


def refuse(category_id: str, value: object, data: bytes | None = None) -> None:
    """Pass if `value` holds no number that this category may not hold.

    `data` is the value in its one form of JSON, if it is there: mostly a glance at it is enough.
    Raises `RRNFound` with the JSON pointers of the places.
    """
    if data is not None and not may_hold(data):
        return
    category = categories.get(category_id)
    known = frozenset(wording.names(category.schema))
    places = [wording.pointer(path, known) for path in _places(value, _foreign_allowed(category))]
    if places:
        raise RRNFound(places)


def may_hold(data: bytes) -> bool:
    """Whether a value in its one form of JSON (`strictjson.dumps`) may hold any such number.

    A glance without a parser: wrong is only the yes. It looks for thirteen digits with nothing
    but separators between them, and for whole numbers of ten digits or more, which may have
    lost leading zeros.
    """
    if not data.isascii() and not _is_hangul(data) and not _is_plain(data.decode()):
        return True
    shape = data.translate(_SHAPE, _SEPARATORS)
    if not any(digits in shape for digits in _MANY_DIGITS):  # as in nearly every record
        return data[:1].isdigit()
    return any(suspicious in shape for suspicious in _SUSPICIOUS) or data[:1].isdigit()


def _is_hangul(data: bytes) -> bool:
    """Whether all UTF-8 characters beyond ASCII are Hangul syllables or unified ideographs."""
    kinds = data.translate(_KINDS, _ASCII)  # what is left stands as it did, character by character
    return not any(other in kinds for other in _NOT_HANGUL)


def _is_plain(text: str) -> bool:
    """Whether the finder sees every character beyond ASCII as it is."""
    return all(char < "\x80" or _PLAIN[ord(char)] == char for char in set(text))


def _kind(byte: int) -> str:
    """Return the part that a byte of UTF-8 plays; U+AC00 to U+D77F and U+4000 to U+9FFF pass."""
    if byte == 0xEA:
        return "E"  # U+A000 and on: syllables begin at EA B0
    if byte == 0xED:
        return "F"  # U+D000 and on: syllables end at ED 9E
    if 0x80 <= byte < 0xC0:
        return "a" if byte < 0x9E else "b" if byte >= 0xB0 else "c"
    return "x" if byte < 0x80 or 0xE4 <= byte <= 0xEC else "?"


def mask(category_id: str, value: Any) -> Any:
    """Return `value` with the last seven digits of every such number covered.

    A number as a name of a field, or as a JSON number, cannot be covered: `refuse` still raises.
    """
    return _masked(value, _foreign_allowed(categories.get(category_id)), label="")


def spans(text: str, *, foreign_allowed: bool = False, label: str = "") -> list[Span]:
    """Return where the second halves of the numbers in `text` are; `label` is the field's name."""
    if len(text) < _DIGITS:
        return []
    plain = text if text.isascii() else text.translate(_PLAIN)
    found = list(_candidates(plain, foreign_allowed, label))
    if found and len(plain) != len(text):
        kept = [index for index, char in enumerate(text) if char.translate(_PLAIN)]
        found = [(kept[start], kept[end - 1] + 1) for start, end in found]
    return found


def _candidates(plain: str, foreign_allowed: bool, label: str) -> Iterator[Span]:
    for match in (*_DASHED.finditer(plain), *_SPACED.finditer(plain)):
        if _is_number(match[1] + match[2], foreign_allowed):
            yield match.span(2)
    for match in _JOINED.finditer(plain):
        digits = match[1] + match[2]
        before = plain[max(0, match.start() - _LABEL_REACH) : match.start()]
        labeled = _LABEL.search(label) or _LABEL.search(before)
        bare = len(match[0]) == _DIGITS and _checks(digits)
        if (labeled or bare) and _is_number(digits, foreign_allowed):
            yield match.span(2)


def _is_number(digits: str, foreign_allowed: bool) -> bool:
    digits = digits.replace(" ", "")
    if foreign_allowed and digits[6] in "5678":
        return False
    return _birth_date_is_plausible(digits)


def _birth_date_is_plausible(digits: str) -> bool:
    century = 1900 if digits[6] in "1256" else 2000
    try:
        born = date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return False
    today = timezone.now().date()
    return today - OLDEST <= born <= today + timedelta(days=1)


def _checks(digits: str) -> bool:
    """Return whether the last digit is the check digit (as given until 2020)."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    offset = 13 if digits[6] in "5678" else 11
    return (offset - total % 11) % 10 == int(digits[-1])


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
        if len(text) >= 12 or (len(text) >= 10 and _LABEL.search(label)):
            text = text.zfill(_DIGITS)
        return bool(spans(text, foreign_allowed=foreign_allowed, label=label))
    return False


def _masked(value: Any, foreign_allowed: bool, *, label: str) -> Any:
    if isinstance(value, dict):
        return {name: _masked(inner, foreign_allowed, label=name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, foreign_allowed, label=label) for inner in value]
    if isinstance(value, str):
        for start, end in spans(value, foreign_allowed=foreign_allowed, label=label):
            value = value[:start] + MASK * (end - start) + value[end:]
    return value


class _Plain(dict[int, str | None]):
    """Every character as the finder sees it: digits and dashes of all kinds as ASCII ones."""

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        digit = unicodedata.decimal(char, None)
        if digit is not None:
            plain: str | None = str(digit)
        elif char in _DASHES:
            plain = "-"
        elif unicodedata.category(char) == "Zs":
            plain = " "
        else:
            plain = None if unicodedata.category(char) in ("Cf", "Mn") else char
        self[code] = plain
        return plain


_PLAIN = _Plain()
_NOT_HANGUL = (b"?", b"Ea", b"Ec", b"Fb", b"Fc")
_KINDS = "".join(map(_kind, range(256))).encode()
_ASCII = bytes(range(128))
_SEPARATORS = b" -~_./"  # all that may stand between the digits as ASCII, but the colon
_SHAPE = bytes(
    ord("0" if byte in b"0123456789" else chr(byte) if byte in b":,[" else "x")
    for byte in range(256)
)
# Thirteen digits; six and seven with a colon; whole numbers behind a name or in a list. A negative
# one has thirteen digits only if it shows them.
_SUSPICIOUS = (
    b"0" * _DIGITS, b"000000:0000000", b":" + b"0" * 10, b"," + b"0" * 10, b"[" + b"0" * 10,
)  # fmt: skip
_MANY_DIGITS = (b"0" * 10, b"000000:0000000")  # one of them is in each of those
