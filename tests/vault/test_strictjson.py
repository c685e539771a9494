"""JSON with one meaning or none, and reasons that repeat nothing."""

import json
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import UnsupportedMediaType

from config.json import Parser, Renderer
from vault import strictjson
from vault.exceptions import MalformedJSON

SECRET = "비밀-5d1e"
VALUES: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-strictjson.LARGEST_INTEGER, strictjson.LARGEST_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("data", "what", "line", "column"),
    [
        (b'{"a": 1,\n "a": 2}', "same name twice", 2, 2),
        (b'{"a": {"b": 1}, "b": [{"b": 1}],\n"\\u0061": 3}', "same name twice", 2, 1),
        (b'{"x":\n NaN}', "JSON does not know", 2, 2),
        (b"[-Infinity]", "JSON does not know", 1, 2),
        (b"[1e999]", "too large", 1, 2),
        (b"[9007199254740992]", "too large", 1, 2),
        (b"[" + b"9" * 1_000_000 + b"]", "too large", 1, 2),
        (b'{"a": "\xff"}', "not UTF-8", 1, 8),
        ('{"이름": "값"}'.encode("cp949"), "not UTF-8", 1, 3),
        ('{"a": 1}'.encode("utf-16"), "byte order mark", 1, 1),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark", 1, 1),
        (b'["\\ud800"]', "half of a character", 1, 3),
        (b'{"a": 1', "no comma", 1, 8),
        (b"", "no value", 1, 1),
        (b"[1] [2]", "goes on after its end", 1, 5),
        (b'["a\nb"]', "control character", 1, 4),
        (b"[" * 33 + b"]" * 33, "deeper than 32", 1, 33),
        (b'{"a":' * 100_000, "deeper than 32", 1, 161),
    ],
)
def test_what_readers_disagree_on_is_refused_with_its_place(
    data: bytes, what: str, line: int, column: int
) -> None:
    with pytest.raises(MalformedJSON) as caught:
        strictjson.loads(data)
    assert what in caught.value.what
    assert (caught.value.line, caught.value.column) == (line, column)


def test_what_is_too_big_is_not_even_read() -> None:
    with pytest.raises(MalformedJSON, match="larger than"):
        strictjson.loads(b" " * (strictjson.RECORD.size + 1))


def test_brackets_in_texts_are_no_levels() -> None:
    assert strictjson.loads(json.dumps(["[" * 100]).encode()) == ["[" * 100]


@pytest.mark.parametrize(
    "template", ['{"%s": 1, "%s": 2}', '{"%s": NaN}', '["%s" "%s"]', '{"%s": "\\x"}', '{"%s']
)
def test_a_reason_repeats_nothing_of_the_content(template: str) -> None:
    with pytest.raises(MalformedJSON) as caught:
        strictjson.loads(template.replace("%s", SECRET).encode())
    assert SECRET not in str(caught.value)


@given(VALUES)
def test_whatever_json_can_say_survives_the_round_trip(value: Any) -> None:
    assert strictjson.loads(strictjson.dumps(value)) == value


@given(VALUES)
def test_equal_values_have_equal_bytes(value: Any) -> None:
    again = json.loads(json.dumps(value))
    assert strictjson.dumps(again) == strictjson.dumps(value)


def slowly(data: bytes) -> Any:
    """What the reader that asks about everything says: the value, or where it stops."""
    try:
        return strictjson._read_with_care(data, strictjson.RECORD)
    except MalformedJSON as error:
        return (error.what, error.line, error.column)


def quickly(data: bytes) -> Any:
    try:
        return strictjson.loads(data)
    except MalformedJSON as error:
        return (error.what, error.line, error.column)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types: 1 is not 1.0, and 0.0 is not -0.0."""
    return repr(one) == repr(other)


NAMES = st.sampled_from(["a", "b", "\\u0061", "\\\\", '\\"', '\\\\\\"', "가"])
NUMBERS = st.sampled_from(
    ["1", "-0", "-0.0", "9007199254740991", "9007199254740992", "-9007199254740993", "1e5", "1E400",
     "18446744073709551616", "0.12345678901234567", "37.566535999999996", "1234567890123456.5",
     "123456789012345678901234567890", "NaN", "-Infinity", "01", "1.", "1e16", "1e-7"]
)  # fmt: skip
WORDS = (
    NAMES.map(lambda name: f'"{name}"') | NUMBERS | st.sampled_from(["null", "true", '"\\ud800"'])
)
# JSON as somebody might write it who wants two readers to disagree.
ODD = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: "[" + ", ".join(parts) + "]")
        | st.lists(st.tuples(NAMES, inner), max_size=4).map(
            lambda pairs: "{" + ",\n".join(f'"{name}": {value}' for name, value in pairs) + "}"
        )
    ),
    max_leaves=12,
)


@settings(max_examples=600)
@given(ODD | st.text('{}[]",:\\u0129abuNaI.e- \n', max_size=40))
def test_the_fast_reader_and_the_careful_one_are_one_reader(text: str) -> None:
    data = text.encode()
    assert same(quickly(data), slowly(data))


@given(VALUES)
def test_what_is_read_comes_with_the_bytes_of_its_one_form(value: Any) -> None:
    found = strictjson.read(json.dumps(value, indent=1).encode())
    assert same(found.value, json.loads(json.dumps(value)))
    assert found.data == strictjson.dumps(found.value)


@pytest.mark.parametrize("levels", [31, 32, 33, 40])
@pytest.mark.parametrize("wide", ["", ",[]" * 40])
def test_levels_are_counted_alike_however_many_brackets_there_are(levels: int, wide: str) -> None:
    data = (b"[" * levels) + (b"]" * (levels - 1)) + wide.encode() + b"]"
    assert same(quickly(data), slowly(data))


def test_what_is_no_number_is_not_written_as_null() -> None:
    with pytest.raises(ValueError, match="JSON"):
        strictjson.dumps({"a": None, "b": float("nan")})


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(MalformedJSON):
        strictjson.loads(data)


@given(st.text('{}[]",:\\0129abuNaI.e- \n', max_size=40))
def test_anything_like_json_is_read_as_python_reads_it_or_refused(text: str) -> None:
    try:
        value = strictjson.loads(text.encode())
    except MalformedJSON:
        return
    assert value == json.loads(text)


def test_a_body_is_read_strictly() -> None:
    assert Parser().parse(BytesIO('{"이름": 1}'.encode()), "application/json") == {"이름": 1}
    with pytest.raises(MalformedJSON, match="same name twice"):
        Parser().parse(BytesIO(b'{"a": 1, "a": 1}'), "application/json")
    with pytest.raises(UnsupportedMediaType):
        Parser().parse(BytesIO(b"{}"), "application/json; charset=euc-kr")


def test_a_body_without_an_end_is_not_read_to_its_end() -> None:
    class Endless(BytesIO):
        asked = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert size > 0
            self.asked += size
            return b" " * size

    endless = Endless()
    with pytest.raises(MalformedJSON, match="larger than"):
        Parser().parse(endless, "application/json")
    assert endless.asked <= strictjson.RECORD.size + 1


def test_an_answer_is_json_with_moments_in_utc() -> None:
    from datetime import UTC, datetime

    data = {"at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "이름": "값"}
    assert Renderer().render(data) == '{"at":"2026-01-02T03:04:05Z","이름":"값"}'.encode()
    assert Renderer().render(None) == b""
