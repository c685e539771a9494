"""Business days and months of jurisdiction profiles; among several, the soonest answer counts."""

import calendar
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

# The countries at once: the library would load them with the first end, which holds locks.
import holidays.countries

from consent import profiles

if TYPE_CHECKING:
    from collections.abc import Container

Names = Sequence[str]
HOME = (profiles.HOME,)


def attest_due(start: datetime, bound_by: Names = HOME) -> datetime:
    """Return until when a partner must have said, signed, what became of its copies (10.2)."""
    return min(_after(start, profiles.load(name)["clocks"]["attest"], name) for name in bound_by)


def escalation_due(start: datetime, stage: int, bound_by: Names = HOME) -> datetime | None:
    """Return when stage `stage` (1, 2, 3) of an obligation opened at `start` comes; None: no more."""
    stages = [(profiles.load(name)["clocks"]["attest_escalate"], name) for name in bound_by]
    return min(
        (_after(start, each[stage - 1], name) for each, name in stages if stage <= len(each)),
        default=None,
    )


def after_business_days(start: datetime, count: int, profile: str = profiles.HOME) -> datetime:
    """Return the end of the `count`th business day after the day of `start`, in UTC.

    The first day does not count and the last one counts whole (민법 제157조, 제159조).
    """
    zone, free = _place(profile)
    day = start.astimezone(zone).date()
    while count:
        day += timedelta(days=1)
        count -= _is_business_day(day, free)
    return _end_of(day, zone)


def after_months(start: datetime, count: int, profile: str = profiles.HOME) -> datetime:
    """Return the end of the day with the same number `count` months later, in UTC.

    The last day of a month that has no such day; and a period that would end on a day that is no
    business day ends with the next one that is (민법 제160조, 제161조; Regulation 1182/71, Art. 3).
    """
    zone, free = _place(profile)
    day = _months_later(start.astimezone(zone).date(), count)
    while not _is_business_day(day, free):
        day += timedelta(days=1)
    return _end_of(day, zone)


def _after(start: datetime, clock: Mapping[str, int], profile: str) -> datetime:
    if "months" in clock:
        return after_months(start, clock["months"], profile)
    return after_business_days(start, clock["business_days"], profile)


def _months_later(day: date, count: int) -> date:
    year, month = divmod(day.month - 1 + count, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def _is_business_day(day: date, free: "Container[date]") -> bool:
    return day.weekday() < 5 and day not in free


def _place(profile: str) -> "tuple[ZoneInfo, Container[date]]":
    place = profiles.load(profile)["calendar"]
    return ZoneInfo(place["zone"]), _holidays(place["country"])


@cache
def _holidays(country: str) -> "Container[date]":
    # Fills itself year by year as days are asked for.
    return holidays.country_holidays(country)
