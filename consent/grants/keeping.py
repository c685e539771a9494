"""Leaving copies with a brand when a grant ends ("이 브랜드에는 남겨 두기"): a consent of its own.

An end always includes destruction, unless its owner says so apart, for this one (consent.md 7.3).
What was only looked at, or never read, cannot be left, nor anything where a profile that binds
the brand does not say that copies may stay.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from audit.log import Draft
from audit.types import EntryType
from consent import entries, profiles
from consent.actors import Actor
from consent.models import AccessRequest, Grant
from consent.revocation import obligations


def keepable(grants: Iterable[Grant]) -> dict[UUID, list[str]]:
    """Return, by the grant's id, what its brand has copies of and could keep, were it asked now."""
    return obligations.would_owe([grant for grant in grants if _may_stay(grant)])


def keep(held: Sequence[Grant], actor: Actor, at: datetime) -> list[Draft]:
    """Let the brands keep their copies of grants that end now; return the entries that say so.

    The caller holds the rows and ends them in this transaction.
    """
    left = keepable(held)
    kept = [grant for grant in held if grant.pk in left]
    Grant.objects.filter(pk__in=[grant.pk for grant in kept]).update(kept_by_consent_at=at)
    for grant in kept:
        grant.kept_by_consent_at = at
    return [
        entries.of_grant(
            EntryType.RETENTION_GIVEN,
            grant,
            actor,
            categories=tuple(left[grant.pk]),
            # How long it may keep them stands in the notice of the grant.
            notice=grant.notice_id,
        )
        for grant in kept
    ]


def _may_stay(grant: Grant) -> bool:
    stored = grant.access_mode != AccessRequest.AccessMode.LOOK_ONLY
    return stored and profiles.copies_may_stay(grant.partner.bound_by)
