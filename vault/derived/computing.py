"""How views are computed: from values in clear to the little that leaves. No database, no clock."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# 청소년보호법 제2조: a youth is under 19; who turns 19 in a year is none from its first of January.
ADULT_FROM = 19
_DISTRICT = re.compile(r"[가-힣]+(?:구|군|시)(?= |$)")
Value = Mapping[str, Any]


def is_aggregate(compute: Mapping[str, Any]) -> bool:
    """Whether a view is one value for all records, and not one for each."""
    return compute.get("name") in _OF_ALL


def of_one(compute: Mapping[str, Any], value: Value, now: datetime, zone: str) -> dict[str, Any]:
    """Return what a view shows of one record; empty where the record says nothing about it."""
    return _OF_ONE[compute["name"]](value.get(compute["field"]), now.astimezone(ZoneInfo(zone)))


def of_all(
    compute: Mapping[str, Any],
    values: Sequence[Value],
    now: datetime,
    zone: str,
    *,
    complete: bool,
) -> dict[str, Any]:
    """Return what a view shows of all records; `complete` says whether `values` are all there are."""
    return _OF_ALL[compute["name"]](compute, values, now.astimezone(ZoneInfo(zone)), complete)


def since(compute: Mapping[str, Any], now: datetime, zone: str) -> datetime | None:
    """Return from when on records matter to a view; None: from the beginning."""
    if "weeks" not in compute:
        return None
    here = now.astimezone(ZoneInfo(zone))
    monday = here.date() - timedelta(days=here.weekday(), weeks=compute["weeks"])
    return datetime.combine(monday, datetime.min.time(), here.tzinfo)


def _adult(born: Any, here: datetime) -> dict[str, Any]:
    day = _day(born)
    return {} if day is None else {"adult": here.year - day.year >= ADULT_FROM}


def _birth_year(born: Any, _here: datetime) -> dict[str, Any]:
    day = _day(born)
    return {} if day is None else {"birth_year": day.year}


def _district(address: Any, _here: datetime) -> dict[str, Any]:
    if not isinstance(address, Mapping):
        return {}
    shown = {name: address[name] for name in ("country", "city") if name in address}
    # In Korea the street begins with the district; anything else of it is too much.
    found = _DISTRICT.match(str(address.get("street", "")))
    return shown | ({"district": found[0]} if found else {})


def _weekly_sum(
    compute: Mapping[str, Any], values: Sequence[Value], here: datetime, complete: bool
) -> dict[str, Any]:
    sums: dict[str, float] = defaultdict(float)
    first = since(compute, here, str(here.tzinfo))
    for value in values:
        at, amount = _moment(value.get(compute["at"]), here), value.get(compute["field"])
        if at is not None and isinstance(amount, int | float) and first and first <= at <= here:
            sums[f"{at:%G-W%V}"] += amount
    weeks = [{"week": week, compute["into"]: round(sums[week], 1)} for week in sorted(sums)]
    return {"weeks": weeks, "complete": complete}


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _moment(text: Any, here: datetime) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return (
        found.replace(tzinfo=here.tzinfo) if found.tzinfo is None else found.astimezone(here.tzinfo)
    )


_OF_ONE: dict[str, Callable[[Any, datetime], dict[str, Any]]] = {
    "adult": _adult, "birth_year": _birth_year, "district": _district,
}  # fmt: skip
_OF_ALL: dict[
    str, Callable[[Mapping[str, Any], Sequence[Value], datetime, bool], dict[str, Any]]
] = {"weekly_sum": _weekly_sum}
