"""Read budgets: which calendar window a read is counted in, and when the next one opens (5.5)."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from consent.access.decision import Facts
from consent.access.orders import Count
from consent.exceptions import BudgetSpent
from consent.models import GrantUse


def count(frequency: dict[str, Any] | None, zone: str, now: datetime) -> Count | None:
    """Return how a read at `now` is counted; None where there is no budget."""
    if frequency is None:
        return None
    return Count(bucket=bucket(frequency["unit"], zone, now), most=frequency["count"])


# With the offset: where clocks are set back, the same hour comes twice.
_FORMS = {
    "hour": "%Y-%m-%dT%H%z", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m", "year": "%Y",
}  # fmt: skip
_FIXED = {"total": "total", "record": ""}


def bucket(unit: str, zone: str, now: datetime) -> str:
    """Return the name of the window, such as "2026-W47"; "" counts each record by itself."""
    form = _FORMS.get(unit)
    return _FIXED[unit] if form is None else now.astimezone(ZoneInfo(zone)).strftime(form)


def next_window(unit: str, zone: str, now: datetime) -> datetime | None:
    """Return when the next window opens; None where the budget never comes back."""
    here = now.astimezone(ZoneInfo(zone))
    today = datetime.combine(here.date(), time(), here.tzinfo)
    match unit:
        case "hour":
            return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        case "day":
            return today + timedelta(days=1)
        case "week":
            return today + timedelta(days=7 - today.weekday())
        case "month":
            return (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        case "year":
            return today.replace(year=today.year + 1, month=1, day=1)
    return None


def is_spent(facts: Facts, counted: Count) -> bool:
    """Whether the budget is why the guard let nothing through."""
    if facts.grant is None:
        return False
    uses = GrantUse.objects.filter(grant_id=facts.grant.id, used__gte=counted.most)
    if counted.bucket:
        return uses.filter(bucket=counted.bucket).exists()
    return uses.filter(bucket__startswith="record:").exists()


def spent(facts: Facts, now: datetime) -> BudgetSpent:
    """Return the refusal that says when to come again."""
    grant = facts.grant
    assert grant is not None and grant.frequency is not None
    return BudgetSpent(next_window(grant.frequency["unit"], grant.zone, now))


def remaining(counted: Count | None, used: int | None) -> int | None:
    """Return how many reads are left in this window; None where reads are not counted so."""
    return None if counted is None or used is None else max(0, counted.most - used)
