"""Who a partner means, and how often it may ask for them, whether they are customers or not."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from consent import digests, profiles
from consent.exceptions import RequestThrottled
from consent.models import AccessRequest, Partner, PurposeTemplate
from consent.requests import addressees


def reach_of(subject: Mapping[str, Any]) -> AccessRequest.Reach:
    """Return how the partner named the person."""
    if "link" in subject:
        return AccessRequest.Reach.LINK
    return AccessRequest.Reach.PAIRWISE if "pairwise" in subject else AccessRequest.Reach.HINT


def named_digest(partner: Partner, purpose: str, subject: Mapping[str, Any]) -> bytes | None:
    """Return what is the same whenever this partner asks this person for this purpose.

    A keyed hash, so that the table does not say whom brands have asked for.
    """
    if "link" in subject:
        return None
    named = subject.get("pairwise") or addressees.normal(subject["mail"])
    return digests.keyed("throttle", str(partner.pk), purpose, named)


def throttle(template: PurposeTemplate, subject: Mapping[str, Any], now: datetime) -> None:
    """Pass if this may be asked now (3.7). Raises `RequestThrottled`.

    What was approved does not count: it was welcome, and the partner knows that it was. Holds
    the purpose until the caller commits, so that ten calls at once do not pass as one.
    """
    digest = named_digest(template.partner, template.purpose, subject)
    if digest is None:
        return
    PurposeTemplate.objects.select_for_update(no_key=True).get(pk=template.pk)
    asked = AccessRequest.objects.filter(named_digest=digest, approved_at=None)
    reach = reach_of(subject)
    for days, limit in ((1, f"{reach}_requests_per_day"), (30, f"{reach}_requests_per_30_days")):
        since = now - timedelta(days=days)
        if asked.filter(asked_at__gt=since).count() >= profiles.limit(limit):
            raise RequestThrottled
