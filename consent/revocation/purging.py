"""Forgets rows that guard against a second use once no second use is possible."""

from datetime import datetime, timedelta

from django.utils import timezone

from consent.models import LinkTry, SpentRepeat
from consent.oauth import tokens

# Longer than the ten minutes of a repeat: an old key must be told apart from a new one (6.4).
REPEATS_KEPT = timedelta(hours=24)
TRIES_KEPT = timedelta(hours=24)


def purge(now: datetime | None = None) -> int:
    """Forget tokens, assertions, repeats and link tries whose time is long over; return how many."""
    now = now or timezone.now()
    repeats, _ = SpentRepeat.objects.filter(made_at__lte=now - REPEATS_KEPT).delete()
    tries, _ = LinkTry.objects.filter(hour__lte=now - TRIES_KEPT).delete()
    return tokens.purge(now) + repeats + tries
