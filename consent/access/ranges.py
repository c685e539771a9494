"""The span of time whose records were granted."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from consent.access.orders import Window


def window(data_range: dict[str, Any] | None, zone: str, now: datetime) -> Window:
    """Return the span for {"last_days": n} or {"since": day, "until": day}, days in the grant's zone."""
    if data_range is None:
        return Window()
    if "last_days" in data_range:
        return Window(since=now - timedelta(days=data_range["last_days"]))
    return Window(
        since=_start(data_range.get("since"), zone),
        until=_start(data_range.get("until"), zone, days=1),
    )


def _start(day: str | None, zone: str, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    start = date.fromisoformat(day) + timedelta(days=days)
    return datetime.combine(start, time(), ZoneInfo(zone))
