"""Who a partner means, and how often it may ask for them, whether they are customers or not."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from consent import digests, profiles
from consent.exceptions import RequestThrottled
from consent.models import AccessRequest, Pair, Partner, PurposeTemplate
from vault.models import Pod

# allauth keeps which addresses are verified. Its app is not installed in the partner's slim
# process, so its table is asked directly. An address counts only once it is verified.
_VERIFIED = """
SELECT d.id FROM account_emailaddress e
  JOIN accounts_user u ON u.id = e.user_id
  JOIN vault_pod d ON d.owner_id = u.id
 WHERE lower(e.email) = %s AND e.verified AND u.is_active AND d.erased_at IS NULL
"""


def reach_of(subject: Mapping[str, Any]) -> AccessRequest.Reach:
    """Return how the partner named the person."""
    if "link" in subject:
        return AccessRequest.Reach.LINK
    return AccessRequest.Reach.PAIRWISE if "pairwise" in subject else AccessRequest.Reach.HINT


def find_pod(partner: Partner, subject: Mapping[str, Any]) -> Pod | None:
    """Return the pod that is meant; None for a link, and for somebody who is no customer.

    Whether its owner takes such requests is another question (`kept_out`); a partner whose
    request is kept away finds out no more than of a stranger.
    """
    if "pairwise" in subject:
        pair = Pair.objects.filter(partner=partner, pairwise=subject["pairwise"])
        return Pod.objects.there().filter(pairs__in=pair).first()
    if "mail" in subject:
        with connection.cursor() as cursor:
            cursor.execute(_VERIFIED, [_normal(subject["mail"])])
            row = cursor.fetchone()
        return Pod.objects.get(pk=row[0]) if row else None
    return None


def named_digest(partner: Partner, purpose: str, subject: Mapping[str, Any]) -> bytes | None:
    """Return what is the same whenever this partner asks this person for this purpose.

    A keyed hash, so that the table does not say whom brands have asked for.
    """
    if "link" in subject:
        return None
    named = subject.get("pairwise") or _normal(subject["mail"])
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


def _normal(mail: str) -> str:
    return mail.strip().lower()
