"""Business days of a jurisdiction profile: Monday to Friday without public holidays."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import holidays

from consent import profiles

if TYPE_CHECKING:
    from collections.abc import Container

_PLACES = {"kr": ("KR", ZoneInfo("Asia/Seoul"))}


def attest_due(start: datetime, profile: str = "kr") -> datetime:
    """Return until when a partner must have said, signed, what became of its copies (10.2)."""
    return after_business_days(
        start, profiles.load(profile)["clocks"]["attest"]["business_days"], profile
    )


def escalation_due(start: datetime, stage: int, profile: str = "kr") -> datetime | None:
    """Return when stage `stage` (1, 2, 3) of an obligation opened at `start` comes; None: no more."""
    stages = profiles.load(profile)["clocks"]["attest_escalate"]["business_days"]
    return after_business_days(start, stages[stage - 1], profile) if stage <= len(stages) else None


def after_business_days(start: datetime, count: int, profile: str = "kr") -> datetime:
    """Return the end of the `count`th business day after the day of `start`, in UTC.

    The first day does not count and the last one counts whole (민법 제157조, 제159조).
    """
    country, zone = _PLACES[profile]
    free = _holidays(country)
    day = start.astimezone(zone).date()
    while count:
        day += timedelta(days=1)
        count -= _is_business_day(day, free)
    midnight = datetime.combine(day + timedelta(days=1), time(), zone)
    return midnight.astimezone(UTC)


def _is_business_day(day: date, free: "Container[date]") -> bool:
    return day.weekday() < 5 and day not in free


@cache
def _holidays(country: str) -> "Container[date]":
    # Fills itself year by year as days are asked for.
    return holidays.country_holidays(country)
