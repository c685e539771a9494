"""One way out of a journey: everything that is held only through it ends."""

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import grants, requests
from consent.actors import OWNERS, Actor
from consent.exceptions import UnknownThing
from consent.models import AccessRequest, Grant, GrantQuerySet, Journey
from vault import holding

REASON = "journey-ended"


def through(journey: Journey) -> GrantQuerySet:
    """Return the grants that are held through a journey and not otherwise."""
    return through_all(Journey.objects.filter(pk=journey.pk))


def through_all(journeys: QuerySet[Journey]) -> GrantQuerySet:
    """Return the grants that are held through these journeys and not otherwise.

    Somebody who shared the same with a brand before the journey keeps on doing so after it: the
    journey's grant took the place of the earlier one, and leaving does not undo that consent.
    """
    before = Grant.objects.filter(
        arrangement=OuterRef("arrangement"), version__lt=OuterRef("version")
    ).exclude(request__stop__journey__in=journeys)
    return Grant.objects.filter(~Exists(before), request__stop__journey__in=journeys)


@transaction.atomic
def end_journey(journey: Journey, actor: Actor, *, may_anonymise: bool = False) -> list[Grant]:
    """End a journey with every brand; return the grants that this ended. Twice is once.

    What nobody has decided yet is refused. Raises `UnknownThing` for a stranger.
    """
    if journey.pod is None or actor.role not in OWNERS or not actor.acts_for(journey.pod.owner):
        raise UnknownThing
    # Decisions hold the pod, so none of them comes after this.
    pod = holding.alone(journey.pod)
    under_way = Journey.objects.filter(pk=journey.pk, ended_at=None)
    if not under_way.update(ended_at=timezone.now()):
        return []
    log.append(
        log.Draft(
            type=EntryType.JOURNEY_ENDED,
            journey=journey.ref,
            person=pod.owner.ref,
            audit_key=pod.audit_key_id,
            detail={"channel": actor.channel, "journey": str(journey.pk)},
            **actor.facts(),
        )
    )
    ended = grants.end_every(
        through(journey), Grant.EndKind.WITHDRAWN, REASON, actor, may_anonymise=may_anonymise
    )
    undecided = AccessRequest.objects.of(pod).waiting().filter(stop__journey=journey)
    waiting = undecided.select_related("pod__owner").order_by("pk")
    requests.refuse_waiting(waiting, actor=actor)
    return ended
