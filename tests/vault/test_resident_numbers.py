"""주민등록번호 is found however it is written, and little else is taken for it."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import pods, resident_numbers, strictjson
from vault.exceptions import RRNFound
from vault.models import Pod, Record
from vault.resident_numbers import glance, plain, spans

BIRTHS = st.dates(date(1930, 1, 1), date(2020, 12, 31))
TAILS = st.text("0123456789", min_size=6, max_size=6)
TEXTS = st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=20)
SEPARATORS = st.sampled_from(["-", "‐", "–", "—", "－", "﹣", " - ", "- ", " ", "　", "\u200b-"])


def check_digit(digits: str) -> str:
    """Computed in another way than the code does it: Horner-like, over the statutory weights."""
    weights = [int(char) for char in "234567892345"]
    total = sum(a * b for a, b in zip(map(int, digits), weights, strict=True))
    rest = 11 - total % 11
    return str((rest + (2 if digits[6] in "5678" else 0)) % 10)


@st.composite
def numbers(draw: Any, centuries: tuple[str, str] = ("12", "34")) -> tuple[str, str]:
    born = draw(BIRTHS)
    seventh = draw(st.sampled_from(centuries[0] if born.year < 2000 else centuries[1]))
    return born.strftime("%y%m%d"), seventh + draw(TAILS)


@given(numbers(), SEPARATORS, TEXTS, TEXTS)
def test_a_separated_number_is_found_in_any_text(
    number: tuple[str, str], separator: str, before: str, after: str
) -> None:
    text = f"{before} {number[0]}{separator}{number[1]}{after}"
    assert spans(text)


@given(numbers(), SEPARATORS)
def test_digits_of_another_width_or_script_do_not_help(
    number: tuple[str, str], separator: str
) -> None:
    text = separator.join(number)
    for zero in ("０", "٠", "०", "𝟎"):
        other = "".join(chr(ord(zero) + int(one)) if one in "0123456789" else one for one in text)
        assert spans(other)


@given(
    numbers(),
    st.sampled_from(["주민등록번호", "주민번호 :", "주민 등록 번호=", "RRN ", "resident number "]),
)
def test_a_labeled_number_is_found_without_a_separator(number: tuple[str, str], label: str) -> None:
    assert spans(label + "".join(number))
    assert spans("".join(number), label=label)


@given(numbers())
def test_a_bare_number_is_found_by_its_check_digit(number: tuple[str, str]) -> None:
    digits = "".join(number)[:12]
    right = check_digit(digits)
    assert spans(digits + right)
    assert not spans(digits + str((int(right) + 1) % 10))


@given(numbers(("56", "78")))
def test_a_foreigners_number_is_let_through_only_where_ids_belong(number: tuple[str, str]) -> None:
    text = "-".join(number)
    with pytest.raises(RRNFound):
        resident_numbers.refuse("meal", {"dish": text})
    resident_numbers.refuse("official_id", {"kind": "foreign_registration", "number": text})


@given(numbers())
def test_a_citizens_number_is_let_through_nowhere(number: tuple[str, str]) -> None:
    with pytest.raises(RRNFound) as caught:
        resident_numbers.refuse("official_id", {"number": "-".join(number)})
    assert caught.value.places == ["/number"]
    assert number[1] not in str(caught.value)


@given(numbers(), SEPARATORS, TEXTS, TEXTS)
def test_a_masked_number_is_none_and_its_surroundings_stay(
    number: tuple[str, str], separator: str, before: str, after: str
) -> None:
    value = {"dish": f"{before} {number[0]}{separator}{number[1]}{after}", "without": ["x"]}
    masked = resident_numbers.mask("meal", value)
    resident_numbers.refuse("meal", masked)
    assert masked["dish"] == f"{before} {number[0]}{separator}{'*' * 7}{after}"
    assert masked["without"] == ["x"]


@pytest.mark.parametrize(
    "text",
    [
        "010-1234-5678", "02-123-4567", "+82 10 1234 5678", "1588-1234",
        "2026-11-21T01:02:03.123456Z", "20261121-1234567", "1700000000000", "1735689600123",
        "37.566826, 126.9786567", "37.900101 126.1234567", "126.9001011234567",
        "901301-1234567", "900230-1234567", "900101-9234567", "900101-0234567",
        "900101-1******", "900101-*******", "400101-3234567",
        "8801234567890", "ORD-20241231-0000123", "4-1234567", "1234567890123",
        "12345678901234567890", "110-123-456789", "9001-0112-3456-7890", "12가 3456",
    ],
)  # fmt: skip
def test_what_only_looks_like_one_is_let_through(text: str) -> None:
    assert not spans(text)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_coordinates_are_never_taken_for_one(longitude: float, latitude: float) -> None:
    resident_numbers.refuse("place", {"latitude": latitude, "longitude": longitude})
    assert not spans(f"{latitude:.7f} {longitude:.7f}")
    assert not spans(f"{latitude:.6f},{longitude:.7f}")


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ({"dish": {"deep": ["x", "900101-1234567"]}}, ["/dish/*/1"]),
        ({"900101-1234567": 1}, ["/*"]),
        ({"주민번호": 9001011234567}, ["/*"]),
        ({"주민번호": 501013234567}, ["/*"]),  # born 2005: the number lost its zero
        ({"phone": 1012345678}, []),
        ({"price": 9001011234568.0}, []),
    ],
)
def test_names_and_numbers_are_looked_at_too(value: object, places: list[str]) -> None:
    if not places:
        resident_numbers.refuse("meal", value)
        return
    with pytest.raises(RRNFound) as caught:
        resident_numbers.refuse("meal", value)
    assert caught.value.places == places


@pytest.mark.rule("consent.md", "11.4")
def test_a_record_with_one_is_refused_and_nothing_is_stored(pod: Pod) -> None:
    with pytest.raises(RRNFound) as caught:
        pods.put(
            pod, "service_contact", {"at": "2026-01-01T00:00:00Z", "summary": "900101-1234567"}
        )
    assert str(caught.value.sentence)
    assert not Record.objects.exists()


def test_a_long_text_is_searched_quickly() -> None:
    import time

    began = time.perf_counter()
    for text in ("aB3d" * 225_000, "가 1 2" * 150_000, "1 " * 450_000, "900101-" * 120_000):
        assert not spans(text)
    assert time.perf_counter() - began < 5


LABELS = st.sampled_from(["", "주민등록번호", "rrn", "memo", "RRN "])
JOINTS = SEPARATORS | st.sampled_from(
    [
        "",
        ".",
        "/",
        ":",
        "_",
        "~",
        "\u00ad-",
        "\t",
        "\n",
        "\x01",
        ",",
        "·",
        "…",
        "＂",
        ")(",
        '"',
        "\\",
    ]
)


@given(numbers(), JOINTS, TEXTS, TEXTS, LABELS, st.sampled_from("０٠0"))
def test_the_glance_never_overlooks_what_the_search_finds(
    number: tuple[str, str], joint: str, before: str, after: str, label: str, zero: str
) -> None:
    written = joint.join(number)
    digits = "".join(chr(ord(zero) + int(c)) if c in "0123456789" else c for c in written)
    spaced = " ".join(number[0]) + " - " + " ".join(number[1])
    whole = int("".join(number))
    for value in (
        {label or "note": before + digits + after},
        {"list": [{"x": spaced}]},
        {label or "n": whole},
        {label + "".join(number): 1},
        [whole],
        whole,
        f"{label}{digits}",
    ):
        found = resident_numbers.places(value, {})
        assert not found or resident_numbers.may_hold(strictjson.dumps(value))


@pytest.mark.parametrize(
    "value",
    [
        {
            "at": "2026-11-21T01:02:03Z",
            "phone": "010-1234-5678",
            "note": "객실은 조용한 쪽으로 · 감사합니다",
        },
        {"latitude": 37.566535, "longitude": 126.977969, "seconds": 1732150, "name": "Maru Hotel"},
    ],
)
def test_the_glance_passes_what_records_usually_hold(value: object) -> None:
    assert not resident_numbers.may_hold(strictjson.dumps(value))


def test_what_the_glance_takes_for_plain_letters_are_plain_letters() -> None:
    every = (chr(code) for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000)
    passed = [char for char in every if glance._is_hangul(char.encode())]

    assert {"가", "핑", "漢"} <= set(passed)
    assert all(plain.PLAIN[ord(char)] == char for char in passed)
