"""How many records a partner may bring on one day: durable, counted before they are sealed."""

from datetime import datetime, time, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from consent.models import ContributionUse


def reserve(partner: UUID, wanted: int, now: datetime) -> int:
    """Return how many of `wanted` records may still be brought today, and count them."""
    most: int = settings.CONTRIBUTIONS_PER_DAY
    today = ContributionUse.objects.filter(partner_id=partner, day=timezone.localdate(now))
    while wanted > 0:
        if today.filter(used__lte=most - wanted).update(used=F("used") + wanted):
            return wanted
        use, _ = ContributionUse.objects.get_or_create(
            partner_id=partner, day=timezone.localdate(now)
        )
        # Others count at the same time: what is left is only tried for.
        wanted = min(wanted, most - use.used)
    return 0


def give_back(partner: UUID, unused: int, now: datetime) -> None:
    """Count those no more that were reserved and not brought."""
    if unused > 0:
        today = ContributionUse.objects.filter(partner_id=partner, day=timezone.localdate(now))
        today.filter(used__gte=unused).update(used=F("used") - unused)


def next_window(now: datetime) -> datetime:
    """Return when the next day begins."""
    here = timezone.localtime(now)
    return datetime.combine(here.date() + timedelta(days=1), time(), here.tzinfo)
