"""Rows of tables and of JSON become records by a mapping; bad ones are told by line and column."""

from typing import Any

import pytest

from audit.models import Entry
from tests.vault.importing import GOOD, HEADER, PURCHASES, RRN, SECRET, problems, take
from vault import pods
from vault.exceptions import FileRefused, MappingInvalid
from vault.importers import mapping, run
from vault.models import Pod, Record


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_a_table_is_read_by_its_mapping(pod: Pod, encoding: str) -> None:
    how = {**PURCHASES, "encoding": encoding}
    report = take(pod, (HEADER + GOOD).encode(encoding), "csv", mapping=how)
    assert (report.imported, problems(report)) == (1, [])
    (opened,) = pods.read(pod, "purchase")
    assert opened.value == {
        "shop": "봄꽃시장",
        "at": "2026-03-01T14:05:00+09:00",
        "total": {"amount": 12900, "currency": "KRW"},
        "channel": "store",
        "returned": False,
        "items": [{"product": "튤립"}],
    }


def test_bad_rows_are_told_by_line_and_column_and_the_good_ones_kept(pod: Pod) -> None:
    text = (
        HEADER
        + GOOD
        + f"{SECRET},{SECRET},14:05,1,매장,N,x\n"
        + f"{SECRET},2026.03.01,14:05,{SECRET},매장,N,x\n"
        + f"{SECRET},2026.03.01,14:05,1,{SECRET},N,x\n"
        + f"{SECRET},2026.03.01,14:05,1,매장,{SECRET},x\n"
        + f"{SECRET},2026.03.01\n"
        + '"두\n줄",2026.03.02,14:05,1,매장,N,x\n'
        + ",2026.03.01,14:05,1,매장,N,x\n"
        + f"a,2026.03.01,14:05,1,매장,N,{RRN}\n"
        + f"a,2026.03.01,14:05,1,매장,N,{'x' * 201}\n"
        + "\n"
    )
    report = take(pod, text, "csv", mapping=PURCHASES)
    assert problems(report) == [
        (3, "column “승인일자 + 승인시각”: is not a date in the form that the mapping names"),
        (4, "column “금액”: is not a number"),
        (5, "column “구분”: is none of the values that the mapping knows"),
        (6, "column “취소”: is neither yes nor no"),
        (7, "has 2 cells instead of 7"),
        (10, "the field “shop” is missing"),
        (
            11,
            "Resident registration numbers cannot be accepted. "
            "Cover that part and upload it again.",
        ),
        (12, "Product: is longer than 200 characters"),
    ]
    assert SECRET not in str(report)
    assert RRN not in str(report)
    assert report.imported == 2


def test_stop_keeps_nothing_if_one_row_is_bad(pod: Pod) -> None:
    text = HEADER + GOOD + "x\n"
    report = take(pod, text, "csv", mapping=PURCHASES, on_error="stop")
    assert (report.imported, report.problem_count) == (0, 1)
    assert not Record.objects.exists()
    assert not Entry.objects.filter(type="record.imported").exists()


@pytest.mark.rule("consent.md", "11.4")
def test_resident_numbers_are_covered_if_the_owner_wants(pod: Pod) -> None:
    text = HEADER + GOOD.replace("튤립", f"예약자 {RRN}")
    assert take(pod, text, "csv", mapping=PURCHASES, mask=True).imported == 1
    (opened,) = pods.read(pod, "purchase")
    assert opened.value["items"] == [{"product": "예약자 900101-*******"}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no header"),
        ("가맹점명,가맹점명\n", "two columns of one name"),
        ("a,b\n1,2\n", "has no column"),
        ('"' + HEADER + GOOD, "has no header"),
        (HEADER.encode("cp949"), "is not in the encoding utf-8"),
    ],
)
def test_a_table_that_cannot_be_read_at_all_is_refused(
    pod: Pod, text: str | bytes, reason: str
) -> None:
    with pytest.raises(FileRefused, match=reason):
        take(pod, text, "csv", mapping=PURCHASES)


def test_a_quotation_mark_that_does_not_end_is_reported_where_it_begins(pod: Pod) -> None:
    report = take(pod, HEADER + GOOD + 'a,"b\nc\nd\n', "csv", mapping=PURCHASES)
    assert report.imported == 1
    assert [problem.line for problem in report.problems] == [3]


def test_rows_of_json_are_read_by_path_and_told_by_line(pod: Pod) -> None:
    how = {
        "category": "browsing",
        "rows": "data.list",
        "fields": {
            "product": {"column": "item.name"},
            "price.amount": {"column": "item.price"},
            "price.currency": {"constant": "KRW"},
            "where": {"column": "site"},
        },
    }
    text = """{"note": "[x", "list": [1],
 "data": {"count": 3, "list": [
  {"item": {"name": "의자", "price": "45,000"}, "site": "x"},
  5,
  {"item": {"name": "책상", "price": 1}}, {"item":
    {"name": "등", "price": "비싸요"}},
  {"item": [{"name": "a"}], "site": "x"}
 ]}}"""
    report = take(pod, text, "json", mapping=how)
    assert problems(report) == [
        (4, "is not an object"),
        (5, "column “item.price”: is not a number"),
        (7, "the field “product” is missing"),
    ]
    assert {one.value["product"] for one in pods.read(pod, "browsing")} == {"의자", "책상"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'[{"a": 1, "a": 2}]', "same name twice"),
        (b"[{]", "no name"),
        (b"[NaN]", "JSON does not know"),
        (b"[" * 40 + b"]" * 40, "deeper than"),
        (b"\xff", "encoding"),
        (b'{"rows": []}', "no list of rows"),
        (b"[" + b" " * run.LARGEST_FILE, "larger than"),
    ],
)
def test_broken_json_is_refused_with_its_line(pod: Pod, data: bytes, reason: str) -> None:
    how = {"category": "meal", "fields": {"dish": {"column": "a"}}}
    with pytest.raises(FileRefused, match=reason):
        take(pod, data, "json", mapping=how)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (b"{", "no name"),
        (b'{"category": "meal", "category": "meal"}', "same name twice"),
        ({}, "is missing"),
        ({"category": "nonsense", "fields": {"a": {"column": "x"}}}, "no such category"),
        ({"category": "meal", "fields": {"nonsense": {"column": "x"}}}, "no such field"),
        ({"category": "meal", "fields": {"price.x": {"column": "x"}}}, "no such field"),
        ({"category": "meal", "fields": {"dish": {"colum": "x"}}}, "does not know"),
        ({"category": "meal", "fields": {"dish": {"date": "%Y"}}}, "either columns or a constant"),
        (
            {"category": "meal", "fields": {"dish": {"column": "x", "constant": "y"}}},
            "either columns or a constant",
        ),
        (
            {"category": "meal", "fields": {"at": {"column": "x", "zone": "Mars/Base"}}},
            "no such zone",
        ),
        (
            {"category": "meal", "encoding": "zlib", "fields": {"dish": {"column": "x"}}},
            "does not read this one",
        ),
    ],
)
def test_a_mapping_that_is_wrong_says_where(how: Any, reason: str) -> None:
    with pytest.raises(MappingInvalid, match=reason):
        mapping.load(how)


def test_a_table_without_a_mapping_is_refused(pod: Pod) -> None:
    with pytest.raises(FileRefused, match="needs a mapping"):
        take(pod, HEADER + GOOD, "csv")
