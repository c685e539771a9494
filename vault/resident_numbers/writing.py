"""How a resident registration number may be written, and where a text holds one.

Every pattern is bounded and takes each character in one way only: the time grows with the text,
whatever it says.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from django.utils import timezone

from vault.resident_numbers import plain as characters
from vault.resident_numbers.plain import PLAIN

DIGITS = 13
OLDEST = timedelta(days=120 * 366)
_LABEL = re.compile(
    r"주 {0,3}민 {0,3}(등 {0,3}록 {0,3})?번 {0,3}호|"
    r"주 {0,3}민 {0,3}등 {0,3}록|외 {0,3}국 {0,3}인 {0,3}등 {0,3}록|"
    r"resident\s*(registration)?\s*(number|no)|"
    r"(?<![a-z])(rrn|jumin|ssn)(?![a-z])",
    re.IGNORECASE,
)
_LABEL_REACH = 40  # characters between a label and the digits
_GAP = 20  # characters between two digits
_LONGEST = DIGITS + (DIGITS - 1) * _GAP
_NO_DIGIT_BEFORE, _NO_DIGIT_AFTER = r"(?<![0-9])", r"(?![0-9])"
# Behind or before a decimal point stands half of a number, a coordinate for example.
_START, _END = _NO_DIGIT_BEFORE + r"(?<![0-9]\.)", _NO_DIGIT_AFTER + r"(?!\.[0-9])"
# What a number is covered with is no separator, or two covered ones would make one.
_SEPARATOR = r"[ -\"$-)+-/:-@\[-`{-~]"
_BETWEEN = rf"{_SEPARATOR}{{0,{_GAP}}}"
_LOOSE = rf"([0-9](?:{_BETWEEN}[0-9]){{5}}){_BETWEEN}([1-8](?:{_BETWEEN}[0-9]){{6}})"
_ANY = re.compile(_NO_DIGIT_BEFORE + _LOOSE + _NO_DIGIT_AFTER)
# Looked for at every digit that begins a group: two may share some, and only one be a number.
_DASHED = re.compile(
    rf"{_NO_DIGIT_BEFORE}(?=([0-9](?: ?[0-9]){{5}})(?! *[0-9])[-_~()\[\]{{}}<> ]{{1,{_GAP}}}"
    rf"([1-8](?: ?[0-9]){{6}}){_NO_DIGIT_AFTER})"
)
_SPACED = re.compile(rf"{_START}(?=([0-9]{{6}}) {{1,{_GAP}}}([1-8][0-9]{{6}}){_END})")
_ONE_BY_ONE = re.compile(
    rf"{_START}(?<![0-9] )(?=([0-9](?: [0-9]){{5}}) {{1,{_GAP}}}"
    rf"([1-8](?: [0-9]){{6}})(?! ?[0-9]))"
)
_BARE = re.compile(rf"{_START}(?=([0-9]{{6}})(?: {{0,3}}, {{0,3}})?([1-8][0-9]{{6}}){_END})")
_LABELED = re.compile(rf"{_START}(?={_LOOSE}{_END})")
_HASH = 32  # hexadecimal digits of the shortest hash, or of a UUID
_HEX = "0123456789abcdefABCDEF"
_DIGITS_ALONE = {code: None for code in range(128) if not chr(code).isdigit()}
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
Span = tuple[int, int]


def spans(text: str, *, foreign_allowed: bool = False, label: str = "") -> list[Span]:
    """Return where the second halves of the numbers in `text` are; `label` is the field's name."""
    if len(text) < DIGITS:
        return []
    plain = characters.of(text)
    if _ANY.search(plain) is None:
        return []
    found = sorted(set(_candidates(plain, foreign_allowed, label)))
    if found and len(plain) != len(text):
        kept = [index for index, char in enumerate(text) if char.translate(PLAIN)]
        found = [(kept[start], kept[end - 1] + 1) for start, end in found]
    return found


def is_label(name: str) -> bool:
    """Whether a field of this name says that it holds such numbers."""
    return _LABEL.search(characters.of(name)) is not None


def _candidates(plain: str, foreign_allowed: bool, label: str) -> Iterator[Span]:
    for pattern in (_DASHED, _SPACED, _ONE_BY_ONE):
        for match in pattern.finditer(plain):
            if _is_number(_digits(match), foreign_allowed):
                yield match.span(2)
    for match in _BARE.finditer(plain):
        digits = _digits(match)
        if _is_number(digits, foreign_allowed) and _checks(digits) and not _is_hash(plain, match):
            yield match.span(2)
    for match in _labeled(plain, label):
        if _is_number(_digits(match), foreign_allowed) and _is_whole(match):
            yield match.span(2)


def _labeled(plain: str, label: str) -> Iterator[re.Match[str]]:
    """Yield what stands behind labels; no character is looked at twice for two of them."""
    if label and is_label(label):
        yield from _LABELED.finditer(plain)
        return
    done = 0
    for found in _LABEL.finditer(plain):
        start, end = max(done, found.end()), found.end() + _LABEL_REACH + 1
        # Further than the last digit may be, so that the end of what is looked at is no end of it.
        for match in _LABELED.finditer(plain, start, end + _LONGEST + 2):
            if match.start() < end:
                yield match
        done = max(done, end)


def _is_whole(match: re.Match[str]) -> bool:
    """Whether labeled digits are one number, and no telephone number with the next thing behind it.

    Blanks may be anywhere. Other separators stand between the halves at least, or the check digit
    has to be right.
    """
    return (
        match.end(1) < match.start(2)
        or (match[1] + match[2]).replace(" ", "").isdigit()
        or _checks(_digits(match))
    )


def _digits(match: re.Match[str]) -> str:
    return (match[1] + match[2]).translate(_DIGITS_ALONE)


def _is_number(digits: str, foreign_allowed: bool) -> bool:
    if foreign_allowed and digits[6] in "5678":
        return False
    return _birth_date_is_plausible(digits[:7], timezone.now().date())


@lru_cache(maxsize=4096)  # hostile texts hold very many of few
def _birth_date_is_plausible(digits: str, today: date) -> bool:
    century = 1900 if digits[6] in "1256" else 2000
    try:
        born = date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return False
    return today - OLDEST <= born <= today + timedelta(days=1)


def _checks(digits: str) -> bool:
    """Return whether the last digit is the check digit (as given until 2020)."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    offset = 13 if digits[6] in "5678" else 11
    return (offset - total % 11) % 10 == int(digits[-1])


def _is_hash(plain: str, match: re.Match[str]) -> bool:
    """Whether bare digits are part of a hash, or of a UUID without its dashes."""
    start, end = match.start(1), match.end(2)
    before, after = plain[max(0, start - _HASH) : start], plain[end : end + _HASH]
    around = len(before) - len(before.rstrip(_HEX)) + len(after) - len(after.lstrip(_HEX))
    return match.end(1) == match.start(2) and DIGITS + around >= _HASH
