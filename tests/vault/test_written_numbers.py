"""주민등록번호 as people really write it, and what they write that only looks so."""

import time
from datetime import date
from typing import Any

import pytest

from tests.vault.importing import GOOD, HEADER, PURCHASES, take
from vault import pods, resident_numbers, strictjson
from vault.exceptions import RRNFound
from vault.models import Pod, Record
from vault.resident_numbers import spans

LABEL = "주민등록번호"
# Both halves of nobody's number: the first tail has the right check digit, the second none.
BORN, CHECKED, UNCHECKED = "900101", "1234568", "1234567"
FOUND = [
    f"{BORN}\t{UNCHECKED}", f"{BORN}\n{UNCHECKED}", f"{BORN}\r\n{UNCHECKED}",
    f"{BORN}\u2028{UNCHECKED}", f"{BORN}    {UNCHECKED}", f"({BORN}){UNCHECKED}",
    f"{BORN}({UNCHECKED})", f"[{BORN}] [{UNCHECKED}]", f"（{BORN}）{UNCHECKED}",
    f"{BORN}\t-\t{UNCHECKED}", f"{BORN}--{UNCHECKED}", f"{BORN}-\n{UNCHECKED}",
    f"{BORN} - - {UNCHECKED}", f"{BORN}_{UNCHECKED}", f"{BORN}·{UNCHECKED}",
    f"{BORN}ㆍ{UNCHECKED}", f"{BORN}\x00-\x1b{UNCHECKED}", f"{BORN}\u202e-{UNCHECKED}",
    "9 0 0 1 0 1 1 2 3 4 5 6 7", "9 0 0 1 0 1   1 2 3 4 5 6 7",
    f"{BORN},{CHECKED}", f"{BORN}, {CHECKED}", f"{BORN}，{CHECKED}",
    f"{LABEL} {BORN}\n{UNCHECKED}", f"{LABEL} 9 0 0 1 0 1 1 2 3 4 5 6 7",
    f"{LABEL}: {BORN} / {UNCHECKED}", f"{LABEL}: 90 0101 {UNCHECKED}",
    f"{LABEL}: 90.01.01.{UNCHECKED}", f"{LABEL}: 9-0-0-1-0-1-1-2-3-4-5-6-7",
    f"{LABEL}: {BORN},{UNCHECKED}", f"{LABEL}: {BORN}\n\n\n{UNCHECKED}",
    f"{LABEL}: {BORN}…{UNCHECKED}", f"{LABEL}: 9001 0112 34567", f"{LABEL}: 9001-0112-34568",
    f"주 민 등 록 번 호 (1) : {BORN}|{UNCHECKED}", f"ＲＲＮ {BORN}：{UNCHECKED}",
    f"{LABEL}, 010-1234-5678, {BORN}/{UNCHECKED}", f"12 34 56 1 {BORN}-{UNCHECKED}",
]  # fmt: skip
INNOCENT = [
    # telephones
    "010-1234-5678", "+82 10 1234 5678", "(02) 123-4567", "(010)1234-5678", "031)900-1234",
    "010 1234 5678 / 02 123 4567", f"{LABEL} 없음, 010-1234-5678 02-123-4567",
    # dates and moments
    "2026-11-21 01:02:03", "20261121T010203Z", "26.11.21 13:05:09.123", "2026.11.21\n2026.11.22",
    "2026-11-21T01:02:03.123456+09:00", "20261121010203", "1732150923", "1732150923123",
    "1732150923123456789",
    # orders, accounts, cards, amounts
    "ORD-20241231-0000123", "20240105-1234567", "240105-9234567", "110-123-456789",
    "9001-0112-3456-7890", "123-45-67890", "900101,1234567", "1,900,101 1,234,567원",
    "900101원 1234567원", "900101/1234568", "900101.1234568", "900101 + 12345678",
    "900101 합계 1234567", "8801234567890", "1 2 3 4 5 6 7 8 9 10 11 12 13",
    "9 0 0 1 0 1 1 2 3 4 5 6 7 8",
    # coordinates
    "37.900101 126.1234567", "37.566826, 126.9786567", "126.900101,37.1234567", "200101.1234567",
    # made by programs
    "550e8400-e29b-41d4-a716-446655440000", "12900101-1234-4678-9012-345678901234",
    "abc9001011234568def0123456789abcdef", "9001011234568" + "abcdef0" * 7,
    "d41d8cd98f00b204e9800998ecf8427e", "v1.900101.1234567", "192.168.100.101",
    # covered, or no such day
    f"{LABEL}: {BORN}-*******", f"1. {LABEL} {BORN}-*******\n2. 100202-*******",
    "901301-1234567", "900230\t1234567", "(900101)9234567", "(900101)0234567",
]  # fmt: skip


@pytest.mark.rule("주민등록번호 in any form", "consent.md 3.6")
@pytest.mark.parametrize("text", FOUND)
def test_it_is_found_as_people_write_it_and_covered_there(text: str) -> None:
    value = {"note": f"가 {text} 나"}
    with pytest.raises(RRNFound):
        resident_numbers.refuse("meal", value, strictjson.dumps(value))

    ((start, end),) = spans(text)
    assert "".join(filter(str.isdigit, text[start:end])) in (CHECKED, UNCHECKED)
    masked = resident_numbers.mask("meal", value)
    assert len(masked["note"]) == len(value["note"])
    assert masked["note"].startswith(f"가 {text[:start]}*")
    resident_numbers.refuse("meal", masked)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_people_and_programs_write_else_is_let_through(text: str) -> None:
    assert not spans(text)


@pytest.mark.parametrize("joint", ["\t", "/", ".", ", ", " : ", "\n", "|"])
def test_under_a_label_any_separator_will_do(joint: str) -> None:
    value = {"주민번호": f"{BORN}{joint}{UNCHECKED}"}
    with pytest.raises(RRNFound):
        resident_numbers.refuse("meal", value, strictjson.dumps(value))


@pytest.mark.rule("consent.md", "11.4")
@pytest.mark.parametrize(
    "cell", [f"{LABEL} {BORN}\n{CHECKED}", f"{BORN}\t{CHECKED}", f"({BORN}){CHECKED}"]
)
def test_a_cell_of_a_table_with_one_is_refused(pod: Pod, cell: str) -> None:
    text = HEADER + GOOD.replace("튤립", f'"{cell}"')
    assert take(pod, text, "csv", mapping=PURCHASES).imported == 0
    assert not Record.objects.exists()

    assert take(pod, text, "csv", mapping=PURCHASES, mask=True).imported == 1
    (opened,) = pods.read(pod, "purchase")
    assert opened.value["items"] == [{"product": cell.replace(CHECKED, "*" * 7)}]


HOSTILE = [
    "aB3d" * 250_000, "가 1 2" * 200_000, "1 " * 500_000, f"{BORN}-" * 140_000,
    "rrn 1 1 1" * 110_000, ("1" + " " * 20) * 48_000, "주 " * 500_000, "주민번호" * 250_000,
    (BORN + "-" * 20) * 38_000, "resident" + " " * 1_000_000, "0" * 1_000_000, "(" * 1_000_000,
    "1" * 12 + ("-" * 19 + "1") * 50_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_a_hostile_megabyte_takes_no_longer_than_its_length(text: str) -> None:
    began = time.process_time()
    spans(text)
    assert time.process_time() - began < 5


def test_very_many_are_covered_as_quickly() -> None:
    began = time.process_time()
    masked: Any = resident_numbers.mask("meal", {"note": f"{BORN}-{UNCHECKED} " * 60_000})
    assert masked["note"] == f"{BORN}-******* " * 60_000
    assert time.process_time() - began < 5


def test_the_number_in_these_tests_has_its_check_digit() -> None:
    weights = map(int, "234567892345")
    total = sum(int(a) * b for a, b in zip(BORN + CHECKED[:6], weights, strict=True))
    assert (11 - total % 11) % 10 == int(CHECKED[-1])
    assert date(1990, 1, 1).strftime("%y%m%d") == BORN
