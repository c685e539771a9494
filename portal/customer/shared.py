"""A grant as its owner sees it: who, what, since when, how it is used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, Sum
from django.utils import timezone

from consent.models import Grant, GrantActivity, GrantQuerySet
from portal.customer import words
from vault.models import Pod

LOOKED_BACK = timedelta(days=30)
ENDING_SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Shared:
    """One grant with what its owner wants to know at a glance."""

    grant: Grant
    reads: int
    refusals: int
    last_at: datetime | None

    @property
    def brand(self) -> str:
        """Return the name of the client that asked, as the brand registered it."""
        return words.either(self.grant.request.client, "name")

    @property
    def legal_name(self) -> str:
        """Return the legal name of the recipient."""
        return words.either(self.grant.partner, "legal_name")

    @property
    def categories(self) -> list[str]:
        """Return the names of what is shared now."""
        live = (item for item in self.grant.items.all() if item.ended_at is None)
        return list(dict.fromkeys(words.category(item.category) for item in live))

    @property
    def state(self) -> str:
        """Return "ended", "suspended", "paused", "future" or "live", the strongest first."""
        grant, now = self.grant, timezone.now()
        if grant.ended_at is not None or grant.stops_at <= now:
            return "ended"
        if grant.suspended_at is not None:
            return "suspended"
        if grant.paused_at is not None:
            return "paused"
        return "future" if grant.valid_from > now else "live"

    @property
    def can_see(self) -> bool:
        """Say whether its brand could be answered at this moment."""
        grant = self.grant
        return self.state == "live" and grant.partner.is_live and grant.pod.paused_at is None

    @property
    def ends_soon(self) -> bool:
        """Say whether the clock stops it within the next two weeks."""
        return self.state != "ended" and self.grant.stops_at <= timezone.now() + ENDING_SOON


def of(pod: Pod, grants: Iterable[Grant]) -> list[Shared]:
    """Return these grants of a pod with their use of the last 30 days, last used first."""
    since = timezone.localdate() - LOOKED_BACK
    rows = (
        GrantActivity.objects.filter(grant__pod=pod)
        .values("grant")
        .annotate(
            looks=Sum("reads", filter=Q(day__gte=since), default=0),
            stops=Sum("refusals", filter=Q(day__gte=since), default=0),
            last_look=Max("last_at", filter=Q(reads__gt=0)),
        )
    )
    used = {row["grant"]: row for row in rows}
    shared = [_shared(grant, used.get(grant.pk)) for grant in grants]
    # Idle ones come last, but they are never hidden.
    return sorted(shared, key=lambda each: each.last_at or each.grant.given_at, reverse=True)


def loaded(pod: Pod) -> GrantQuerySet:
    """Return the grants over a pod, with everything that a page says about them."""
    found = Grant.objects.of(pod).select_related("partner", "request__client", "pod__owner")
    return found.prefetch_related("items")


def _shared(grant: Grant, row: Any) -> Shared:
    if row is None:
        return Shared(grant, 0, 0, None)
    return Shared(grant, row["looks"], row["stops"], row["last_look"])
