"""Views: what leaves instead of the records, and nothing more."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import categories, checks, pods
from vault.categories import Category
from vault.derived import computing
from vault.exceptions import UnknownCategory
from vault.models import Pod, Record

SEOUL = "Asia/Seoul"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # a Saturday, week 47
VIEWS = sorted(categories.views())


def one(view: str, value: dict[str, Any], now: datetime = NOW) -> dict[str, Any]:
    return computing.of_one(categories.get(view).compute, value, now, SEOUL)


def whole(view: str, values: list[dict[str, Any]], now: datetime = NOW) -> dict[str, Any]:
    return computing.of_all(categories.get(view).compute, values, now, SEOUL, complete=True)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_described_as_a_category_is(view: str) -> None:
    kind = categories.get(view)
    row = json.loads((categories.VIEWS_DIR / f"{view}.json").read_text())
    plain = {name: value for name, value in row.items() if name not in {"of", "compute"}}

    assert list(checks._outside(plain, view)) == list(checks._schema(plain)) == []
    assert kind.of in categories.load()
    assert view not in categories.load()
    assert kind.compute.get("field") in categories.get(kind.of).schema["properties"]
    # Nothing is less carefully handled than what is said of it, and nothing more than its source.
    assert kind.classes <= categories.get(kind.of).classes
    assert categories.covering(kind.of).count(view) == 1
    assert categories.sources([view, kind.of]) == [kind.of]


@pytest.mark.parametrize(
    ("born", "adult"),
    [("2007-12-31", True), ("2007-01-01", True), ("2008-01-01", False), ("1950-06-06", True)],
)
@pytest.mark.rule("Youth Protection Act", "Art. 2")
def test_an_adult_is_who_turns_nineteen_this_year(born: str, adult: bool) -> None:
    assert one("adult", {"birth_date": born, "name": "김서연"}) == {"adult": adult}


@pytest.mark.rule("Youth Protection Act", "Art. 2")
def test_the_year_begins_in_seoul() -> None:
    born = {"birth_date": "2008-05-05"}
    eve = datetime(2026, 12, 31, 14, 59, tzinfo=UTC)
    assert one("adult", born, eve) == {"adult": False}
    assert one("adult", born, eve + timedelta(minutes=1)) == {"adult": True}


def test_a_birth_year_is_a_year() -> None:
    assert one("birth_year", {"birth_date": "1990-03-05"}) == {"birth_year": 1990}


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (
            {"country": "KR", "city": "서울특별시", "street": "중구 세종대로 110", "detail": "1층"},
            {"country": "KR", "city": "서울특별시", "district": "중구"},
        ),
        (
            {"city": "강원특별자치도", "street": "평창군 대관령면 1"},
            {"city": "강원특별자치도", "district": "평창군"},
        ),
        ({"city": "London", "street": "10 Downing Street"}, {"city": "London"}),
        ({"city": "부산광역시", "street": "동백길 12, 해운대구"}, {"city": "부산광역시"}),
        ({"postal_code": "04524"}, {}),
    ],
)
def test_of_an_address_the_district_is_the_most_that_is_shown(
    address: dict[str, str], shown: dict[str, str]
) -> None:
    assert one("district", {"address": address, "phone": "010-0000-0000"}) == shown


@pytest.mark.parametrize("view", ["adult", "birth_year", "district"])
@pytest.mark.parametrize(
    "value", [{}, {"birth_date": "soon"}, {"birth_date": 7}, {"address": "Seoul"}]
)
def test_a_record_that_does_not_say_it_shows_nothing(view: str, value: dict[str, Any]) -> None:
    assert one(view, value) == {}


def test_distances_are_added_up_by_week_in_the_zone_of_the_grant() -> None:
    runs = [
        {"started_at": "2026-11-21T07:00:00+09:00", "distance_m": 5000, "positions": [1]},
        {"started_at": "2026-11-16T00:10:00+09:00", "distance_m": 3000.25},  # Monday in Seoul
        {"started_at": "2026-11-15T23:50:00+09:00", "distance_m": 1000},  # Sunday in Seoul
        {"started_at": "2026-11-15T15:30:00Z", "distance_m": 700},  # Monday 00:30 in Seoul
        {"started_at": "2026-11-20T07:00:00", "distance_m": 10},  # no zone: the grant's
        {"started_at": "2026-09-20T07:00:00+09:00", "distance_m": 9},  # nine weeks ago
        {"started_at": "2026-11-22T07:00:00+09:00", "distance_m": 9},  # tomorrow
        {"started_at": "2026-11-19T07:00:00+09:00"},
        {"distance_m": 4},
    ]

    assert whole("weekly_distance", runs) == {
        "weeks": [
            {"week": "2026-W46", "distance_m": 1000.0},
            {"week": "2026-W47", "distance_m": 8710.2},
        ],
        "complete": True,
    }


def test_records_before_the_weeks_that_count_need_not_be_read() -> None:
    start = computing.since(categories.get("weekly_distance").compute, NOW, SEOUL)
    assert start == datetime(2026, 9, 21, tzinfo=ZoneInfo(SEOUL))
    assert computing.since(categories.get("adult").compute, NOW, SEOUL) is None


VALUES: Any = st.dictionaries(
    st.sampled_from(["birth_date", "address", "started_at", "distance_m", "distance_km", "positions"]),
    st.none() | st.booleans() | st.integers(0, 10**6) | st.text(max_size=12)
    | st.sampled_from(["2001-02-03", "2026-11-20T10:00:00+09:00"])
    | st.dictionaries(st.sampled_from(["city", "street", "country"]), st.text(max_size=9)),
)  # fmt: skip


@given(st.lists(VALUES, max_size=6))
def test_whatever_the_records_say_a_view_keeps_its_form(values: list[dict[str, Any]]) -> None:
    for view in VIEWS:
        kind: Category = categories.get(view)
        valid = jsonschema_rs.Draft202012Validator(dict(kind.schema))
        if computing.is_aggregate(kind.compute):
            found = [whole(view, values)]
        else:
            found = [one(view, value) for value in values]
        for shown in found:
            assert valid.is_valid(shown) or view == "district"
            assert set(shown) <= set(kind.top_fields)


@pytest.mark.django_db
@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_put_into_a_view(view: str, pod: Pod) -> None:
    with pytest.raises(UnknownCategory):
        pods.put(pod, view, {"adult": True})
    assert not Record.objects.exists()
