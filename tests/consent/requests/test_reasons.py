"""Why people refused: in full tens, when a month is over, and never so that one is singled out."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from consent import requests
from consent.actors import Actor
from consent.models import AccessRequest, Client
from consent.requests import reasons
from tests import cast
from vault.models import Pod

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 22, 12, tzinfo=SEOUL)
OCTOBER = datetime(2026, 10, 14, 12, tzinfo=SEOUL)
TOLD = {"month": "2026-10", "purpose": cast.PURPOSE, "reason": "too_much", "people": 10}


@pytest.fixture
def crowd(db: None) -> list[Pod]:
    return [cast.make_pod() for _ in range(12)]


def refuse(
    hotel: Client,
    people: Iterable[Pod],
    reason: str = "too_much",
    at: datetime = OCTOBER,
    **how: Any,
) -> None:
    """Each is asked, refuses, and the request's own time ends at `at`."""
    for pod in people:
        asked = cast.make_request(pod, hotel)
        requests.refuse(asked, actor=Actor.owner(pod.owner), reason=reason, **how)
        end(asked, at)


def end(asked: AccessRequest, at: datetime) -> None:
    """Let a request's own time end then; it was asked long enough before to ask again."""
    AccessRequest.objects.filter(pk=asked.pk).update(
        expires_at=at, asked_at=at - timedelta(days=100)
    )


def in_vain(hotel: Client, count: int = 10, at: datetime = OCTOBER) -> None:
    """Others are asked who are not there."""
    for number in range(count):
        subject = {"mail": f"nobody{number}@example.com"}
        end(cast.submit(hotel, cast.make_body(subject=subject)).request, at)


def told(hotel: Client, now: datetime = NOW) -> list[Mapping[str, Any]]:
    return list(reasons.counted(hotel.partner, now))


@pytest.mark.rule("consent.md", "3.5")
def test_ten_people_are_told_and_nine_are_not(hotel: Client, crowd: list[Pod]) -> None:
    in_vain(hotel, 15)
    refuse(hotel, crowd[:9])
    assert told(hotel) == []
    refuse(hotel, crowd[9:10])
    assert told(hotel) == [TOLD]


@pytest.mark.rule("consent.md", "3.5")
def test_the_eleventh_changes_nothing(hotel: Client, crowd: list[Pod]) -> None:
    in_vain(hotel)
    refuse(hotel, crowd[:10])
    before = told(hotel)
    refuse(hotel, crowd[10:12])
    assert told(hotel) == before == [TOLD]


def test_one_person_counts_once(hotel: Client, crowd: list[Pod]) -> None:
    in_vain(hotel)
    refuse(hotel, crowd[:9])
    refuse(hotel, crowd[:3])
    assert told(hotel) == []


def test_each_reason_is_counted_by_itself(hotel: Client, crowd: list[Pod]) -> None:
    in_vain(hotel)
    refuse(hotel, crowd[:6], "too_much")
    refuse(hotel, crowd[6:12], "no_trust")
    assert told(hotel) == []


def test_who_gave_no_reason_stands_in_no_count(hotel: Client, crowd: list[Pod]) -> None:
    in_vain(hotel)
    refuse(hotel, crowd, "")
    assert told(hotel) == []


@pytest.mark.rule("consent.md", "3.5")
def test_nothing_is_told_before_the_month_of_the_requests_own_end_is_over(
    hotel: Client, crowd: list[Pod]
) -> None:
    midnight = datetime(2026, 11, 1, tzinfo=SEOUL)
    last = midnight - timedelta(seconds=1)
    in_vain(hotel)
    refuse(hotel, crowd[:10])
    assert told(hotel, last) == []
    assert told(hotel, midnight) == [TOLD]


def test_a_month_begins_in_seoul_whatever_clock_the_process_goes_by(
    hotel: Client, crowd: list[Pod]
) -> None:
    first = datetime(2026, 10, 1, 0, 30, tzinfo=SEOUL)
    in_vain(hotel, at=first)
    refuse(hotel, crowd[:10], at=first)
    with timezone.override("UTC"):
        assert told(hotel) == [TOLD]


@pytest.mark.parametrize(
    ("month", "seen"), [(datetime(2025, 11, 1), True), (datetime(2025, 10, 31), False)]
)
def test_what_is_over_a_year_ago_is_told_no_more(
    hotel: Client, crowd: list[Pod], month: datetime, seen: bool
) -> None:
    at = month.replace(tzinfo=SEOUL)
    in_vain(hotel, at=at)
    refuse(hotel, crowd[:10], at=at)
    assert bool(told(hotel)) is seen


def test_two_months_make_no_ten(hotel: Client, crowd: list[Pod]) -> None:
    september = OCTOBER - timedelta(days=30)
    for at in (OCTOBER, september):
        in_vain(hotel, at=at)
    refuse(hotel, crowd[:6])
    refuse(hotel, crowd[6:12], at=september)
    assert told(hotel) == []


@pytest.mark.rule("consent.md", "3.5")
def test_who_told_it_cannot_be_taken_away_from_a_count(hotel: Client, crowd: list[Pod]) -> None:
    in_vain(hotel)
    refuse(hotel, crowd[:8])
    refuse(hotel, crowd[8:12], shared=True)
    assert told(hotel) == []
    refuse(hotel, crowd[8:12])
    assert told(hotel) == [], "the brand has heard it from these four themselves"


def test_where_all_could_be_in_the_count_nothing_is_told(hotel: Client, crowd: list[Pod]) -> None:
    refuse(hotel, crowd[:10])
    in_vain(hotel, 9)
    assert told(hotel) == []
    in_vain(hotel, 1)
    assert told(hotel) == [TOLD]


def test_anothers_refusals_are_not_told(hotel: Client, crowd: list[Pod]) -> None:
    other = cast.make_client()
    cast.make_template(other.partner)
    for client in (hotel, other):
        in_vain(client)
    refuse(hotel, crowd[:5])
    refuse(other, crowd[:10])
    assert told(hotel) == []
    assert told(other) == [TOLD]
