"""Why people refused, as counts: what a partner learns of reasons that nobody ticked to be told (3.5).

A count could single somebody out, so of each month, purpose and reason it says only how many
different people there were in full tens.

- A month is told when it is over. It takes in the requests whose own time ended in it, whenever
  they were refused: until a request's expiry nothing can be learnt from it, and no step of a count
  coincides with the end of one request.
- Each month stands alone and does not change afterwards: between two answers there is no difference
  that is one person's.
- Who told the partner the same reason in that month is left out. The partner knows them, and could
  take them away from a count until one is left.
- As many again must have been asked in vain and not be counted. Else everybody whom a partner asked
  could be in the count, and each would be known by it.

What no count can prevent: a partner that invents all the others learns of the one who is left.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone

from consent import profiles
from consent.models import AccessRequest, Partner
from consent.requests.deciding import REFUSAL_REASONS

MONTHS = 12  # told again, the latest first
GIVEN = tuple(reason for reason in REFUSAL_REASONS if reason)


def counted(partner: Partner, now: datetime | None = None) -> list[dict[str, Any]]:
    """Return per month, purpose and reason how many people refused a partner, in full tens."""
    step = profiles.limit("shared_reasons_at_least")
    in_vain = _in_vain(partner, now or timezone.now())
    asked = in_vain.values_list("month", "purpose").annotate(Count("pk"))
    closed = {(month, purpose): count for month, purpose, count in asked}
    return [
        {
            "month": f"{month:%Y-%m}",
            "purpose": purpose,
            "reason": reason,
            "people": people // step * step,
        }
        for month, purpose, reason, people in _untold(in_vain)
        if step <= people <= closed[month, purpose] - step
    ]


def _untold(in_vain: QuerySet[Any]) -> Any:
    """Return month, purpose and reason, and how many people refused for it and did not say so."""
    given = in_vain.filter(
        pod__isnull=False, refused_at__isnull=False, refusal_reason__in=GIVEN
    ).exclude(Exists(_told()))
    groups = given.values_list("month", "purpose", "refusal_reason")
    counts = groups.annotate(people=Count("pod", distinct=True))
    return counts.order_by("-month", "purpose", "refusal_reason")


def _in_vain(partner: Partner, now: datetime) -> QuerySet[Any]:
    """Return what nobody approved, and whose time ended in one of the months to tell."""
    until = now.astimezone(_zone()).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    years, month = divmod(until.month - 1 - MONTHS, 12)
    since = until.replace(year=until.year + years, month=month + 1)
    return _by_month().filter(
        partner=partner, approved_at=None, expires_at__gte=since, expires_at__lt=until
    )


def _told() -> QuerySet[Any]:
    """Return where the same person told the same partner the same in the same month."""
    return _by_month().filter(
        partner=OuterRef("partner"),
        pod=OuterRef("pod"),
        purpose=OuterRef("purpose"),
        refusal_reason=OuterRef("refusal_reason"),
        month=OuterRef("month"),
        refusal_reason_shared=True,
    )


def _by_month() -> QuerySet[Any]:
    return AccessRequest.objects.annotate(month=TruncMonth("expires_at", tzinfo=_zone()))


def _zone() -> ZoneInfo:
    return ZoneInfo(profiles.load()["calendar"]["zone"])
