"""Bytes to JSON values, strictly: one meaning or none (RFC 8259, and RFC 7493 for numbers).

Refused: other encodings than UTF-8, a byte order mark, names that occur twice in an object,
NaN and Infinity, numbers that do not survive (integers beyond 2^53 - 1, floats beyond the
largest double), lone surrogates, too many bytes, too many levels. A refusal says what and where,
and repeats nothing of the content.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import JSONDecodeError
from typing import Any, NamedTuple, Never

import orjson
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from vault.exceptions import MalformedJSON, TooLarge

LARGEST_INTEGER = 2**53 - 1
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ONE_FORM = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)
_DIGITS = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else byte for byte in range(256))
_SIXTEEN = b"0" * 16
_LONG_NUMBER = re.compile(rb"(?<![0-9.])[0-9]{16}")


@dataclass(frozen=True, slots=True)
class Limits:
    """How big a document may be."""

    size: int = 1024 * 1024  # bytes
    depth: int = 32  # levels of objects and arrays in each other


RECORD = Limits()


class _Odd(Exception):
    """The decoder met something that JSON readers disagree on."""

    def __init__(self, what: str) -> None:
        self.what = what


class Read(NamedTuple):
    """A value, and the bytes that `dumps` has for it."""

    value: Any
    data: bytes


def loads(data: bytes, limits: Limits = RECORD) -> Any:
    """Return the value that `data` stands for.

    Raises `MalformedJSON` with reason, line and column (both from 1, in characters).
    """
    return read(data, limits).value


def read(data: bytes, limits: Limits = RECORD) -> Read:
    """Return the value that `data` stands for, and its bytes in the one form. Raises as `loads`."""
    found = _read_fast(data, limits)
    if found is None:
        value = _read_with_care(data, limits)
        found = Read(value, dumps(value))
    return found


def dumps(value: object) -> bytes:
    """Return `value` as compact UTF-8 JSON in which equal values have equal bytes."""
    try:
        data = orjson.dumps(value, option=_ONE_FORM)
    except TypeError:
        return _dump_with_care(value)
    if b"null" in data:
        _dump_with_care(value)  # orjson says null for NaN, which this refuses
    return data


def _read_fast(data: bytes, limits: Limits) -> Read | None:
    """Read with orjson, which is as strict but for four things; None where one may matter.

    It keeps the last of two equal names, makes floats of huge integers, allows integers beyond
    2^53 and does not count levels. Its refusals name no place that ours would.
    """
    if len(data) > limits.size:
        return None
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    canonical = orjson.dumps(value, option=_ONE_FORM)
    # A name that was dropped took its quotes along.
    if _quotes(data) != _quotes(canonical) or _may_be_too_large(data):
        return None
    # Fewer brackets than the limit cannot be deeper.
    if data.count(b"[") + data.count(b"{") > limits.depth and _is_deeper(value, limits.depth):
        return None
    return Read(value, canonical)


def _quotes(data: bytes) -> int:
    """Count the quotes around strings: all but those that a backslash makes part of one."""
    if b"\\" not in data:
        return data.count(b'"')
    single = data.replace(b"\\\\", b"")
    return single.count(b'"') - single.count(b'\\"')


def _may_be_too_large(data: bytes) -> bool:
    """Whether there are sixteen digits in a row that are not behind a decimal point."""
    return _SIXTEEN in data.translate(_DIGITS) and _LONG_NUMBER.search(data) is not None


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _depth in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _read_with_care(data: bytes, limits: Limits) -> Any:
    """Read with the standard library and hooks, which knows what is wrong, and where."""
    text = _decode(data, limits)
    _check_depth(text, limits)
    try:
        value = _DECODER.decode(text)
    except JSONDecodeError as error:
        raise MalformedJSON(_syntax(error.msg), error.lineno, error.colno) from None
    except _Odd as odd:
        raise MalformedJSON(odd.what, *_place(text, _find_odd(text))) from None
    if _SURROGATE.search(data):
        _check_surrogates(value, text)
    return value


def _dump_with_care(value: object) -> bytes:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def _decode(data: bytes, limits: Limits) -> str:
    if len(data) > limits.size:
        raise TooLarge(_("is larger than %(limit)s") % {"limit": filesizeformat(limits.size)})
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise MalformedJSON(_("starts with a byte order mark"), 1, 1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise MalformedJSON(_("is not UTF-8"), *_place(before, len(before))) from None


def _check_depth(text: str, limits: Limits) -> None:
    # Counting brackets is enough for nearly every document: fewer than the limit cannot be deeper.
    if text.count("[") + text.count("{") <= limits.depth:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        depth += (first in "[{") - (first in "]}")
        if depth > limits.depth:
            what = _("is nested deeper than %(limit)s levels") % {"limit": limits.depth}
            raise MalformedJSON(what, *_place(text, token.start()))


def _check_surrogates(value: object, text: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        match = re.search(r"\\u[dD][89a-fA-F]", text)
        where = match.start() if match else 0
        raise MalformedJSON(_("has half of a character"), *_place(text, where)) from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Odd(_("has the same name twice in one object"))
    return found


def _constant(_text: str) -> Never:
    raise _Odd(_("has a number that JSON does not know"))


def _integer(text: str) -> int:
    # The length first: turning a million digits into a number is slow by itself.
    if len(text) > 17 or abs(int(text)) > LARGEST_INTEGER:
        raise _Odd(_("has a number that is too large"))
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Odd(_("has a number that is too large"))
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer, parse_float=_float
)


def _find_odd(text: str) -> int:
    """Return where the first thing is that the decoder's hooks refuse."""
    return next(_odd_places(text), 0)


def _odd_places(text: str) -> Iterator[int]:
    """Walk the tokens with the names seen on each level; a name is a string before a colon."""
    levels: list[set[str]] = []
    tokens = list(_TOKEN.finditer(text))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        word = token.group()
        if word in "[{":
            levels.append(set())
        elif word in "]}":
            levels = levels[:-1]
        elif word[0] == '"' and following is not None and following.group() == ":" and levels:
            name = json.loads(word, strict=False)
            if name in levels[-1]:
                yield token.start()
            levels[-1].add(name)
        elif _is_odd_number(word):
            yield token.start()


def _is_odd_number(word: str) -> bool:
    if word in ("NaN", "Infinity", "-Infinity"):
        return True
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", word):
        return False
    if word.lstrip("-").isdigit():
        return len(word) > 17 or abs(int(word)) > LARGEST_INTEGER
    return not math.isfinite(float(word))


def _place(text: str, index: int) -> tuple[int, int]:
    """Return line and column, from 1, of a character."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _syntax(message: str) -> str:
    """Return the decoder's finding in words of ours; its own may repeat a character."""
    for start, sentence in (
        ("Expecting value", _("has no value here")),
        ("Expecting property name", _("has no name in quotes here")),
        ("Expecting ':'", _("has no colon after a name")),
        ("Expecting ','", _("has no comma between two entries")),
        ("Illegal trailing comma", _("has a comma after the last entry")),
        ("Unterminated string", _("has a string that does not end")),
        ("Invalid control", _("has a control character in a string")),
        ("Invalid \\", _("has an escape that JSON does not know")),
        ("Extra data", _("goes on after its end")),
    ):
        if message.startswith(start):
            return sentence
    return _("is not JSON")
