"""A journey as its owner sees it: brand by brand, where each stands."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from consent import alliances
from consent.models import AccessRequest, Grant, Journey, JourneyQuerySet, Stop
from portal.customer import progress, words
from portal.customer.progress import Progress
from vault.models import Pod


@dataclass(frozen=True, slots=True)
class Part:
    """One brand's part of a journey."""

    stop: Stop
    asked: AccessRequest
    grant: Grant | None

    @property
    def brand(self) -> str:
        """Return the name of the client that serves this stop."""
        return words.either(self.asked.client, "name")

    @property
    def state(self) -> str:
        """Return "waiting", "live", "paused", "ended", "refused" or "over"."""
        if self.grant is not None:
            if self.grant.ended_at is not None or self.grant.stops_at <= timezone.now():
                return "ended"
            return "paused" if self.grant.paused_at or self.grant.suspended_at else "live"
        if self.asked.refused_at is not None:
            return "refused"
        closed = self.asked.closed_at is not None or self.asked.expires_at <= timezone.now()
        return "over" if closed else "waiting"

    @property
    def can_receive(self) -> bool:
        """Say whether this brand may receive anything at present."""
        return self.asked.partner.is_live

    @property
    def progress(self) -> Progress | None:
        """Return how far the end of this part has come."""
        return progress.of(self.grant) if self.grant and self.state == "ended" else None


def parts(pod: Pod, journey: Journey) -> list[Part]:
    """Return the brands of a journey that reached this owner, in the order of the stops."""
    stops = journey.stops.filter(request__pod=pod).select_related(
        "request__partner", "request__client", "request__template", "request__pod__owner",
        "request__grant__partner",
    )  # fmt: skip
    found = stops.prefetch_related("request__items", "request__grant__items")
    return [Part(stop, stop.request, getattr(stop.request, "grant", None)) for stop in found]


def waiting(pod: Pod) -> JourneyQuerySet:
    """Return the journeys in which something is still to be decided."""
    undecided = AccessRequest.objects.of(pod).waiting().filter(stop__journey=OuterRef("pk"))
    mine = Journey.objects.of(pod).under_way().select_related("alliance", "client__partner")
    return mine.filter(Exists(undecided)).order_by("asked_at")


def current(pod: Pod) -> list[tuple[Journey, int]]:
    """Return the journeys that something is shared through now, with the number of brands."""
    now = timezone.now()
    shared = (
        Grant.objects.of(pod)
        .unended()
        .filter(
            Q(bound_ends_at=None) | Q(bound_ends_at__gt=now),
            expires_at__gt=now,
            request__stop__journey=OuterRef("pk"),
        )
    )
    found = Journey.objects.of(pod).under_way(now).filter(Exists(shared)).order_by("starts_at")
    return [(journey, alliances.through(journey).unended().count()) for journey in found]


def names(some: Iterable[Part]) -> str:
    """Return the brands by name."""
    return ", ".join(part.brand for part in some)
