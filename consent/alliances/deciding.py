"""What an owner decides about a journey: for each brand by itself, all of it in one moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import entries, locking, requests
from consent.actors import Actor
from consent.choices import Choices
from consent.exceptions import LinkRefused, UnknownThing
from consent.models import AccessRequest, Grant, Journey, RequestLink
from consent.requests import kept_out
from vault import holding
from vault.models import Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the owner says to one brand of a journey."""

    request: AccessRequest
    choices: Choices | None  # None: refused
    notice_digest: str = ""


@transaction.atomic
def bind(journey: Journey, pod: Pod) -> Journey:
    """Give a journey to the first who confirms its link; for them, twice is once.

    Raises `LinkRefused` for anybody after them, and when the time is over.
    """
    now = timezone.now()
    unbound = Journey.objects.under_way(now).filter(pk=journey.pk, pod=None, expires_at__gt=now)
    linked = RequestLink.objects.filter(request__stop__journey=journey)
    if linked.exists() and unbound.update(pod=pod):
        linked.update(bound_at=now)
        _bind_requests(journey, pod)
    bound = Journey.objects.select_related("pod__owner", "alliance").get(pk=journey.pk)
    if bound.pod_id != pod.pk:
        raise LinkRefused
    return bound


@transaction.atomic
def decide(
    journey: Journey, decisions: Sequence[Decision], *, actor: Actor, language: str
) -> list[Grant]:
    """Approve and refuse as decided, brand by brand; return the grants. All of it, or nothing.

    Each consent is given on its own notice with its own ticks. Stops that are not named stay
    undecided. Raises as `requests.approve` does, `UnknownThing` for another journey's request.
    """
    asked = {stop.request_id for stop in journey.stops.all()}
    if journey.pod is None or any(each.request.pk not in asked for each in decisions):
        raise UnknownThing
    pod = holding.alone(journey.pod)
    _hold(pod, [each.request for each in decisions if each.choices is not None])
    return [grant for each in decisions if (grant := _decide(each, actor, language)) is not None]


def _decide(decision: Decision, actor: Actor, language: str) -> Grant | None:
    if decision.choices is None:
        requests.refuse(decision.request, actor=actor)
        return None
    return requests.approve(
        decision.request,
        decision.choices,
        notice_digest=decision.notice_digest,
        actor=actor,
        language=language,
    )


def _hold(pod: Pod, approved: Sequence[AccessRequest]) -> None:
    """Hold everything that these approvals will need, in the one lock order."""
    for partner_id in sorted({request.partner_id for request in approved}):
        locking.live_partner(partner_id)
    replaced = Grant.objects.of(pod).unended()
    locking.every(replaced.filter(partner__in={request.partner_id for request in approved}))


def _bind_requests(journey: Journey, pod: Pod) -> None:
    mine = AccessRequest.objects.waiting().filter(stop__journey=journey, pod=None)
    waiting = mine.select_related("partner").prefetch_related("items")
    chosen = [each.pk for each in waiting if not kept_out.keeps_out(pod, each)]
    AccessRequest.objects.filter(pk__in=chosen).update(pod=pod)
    actor = Actor.owner(pod.owner)
    bound = AccessRequest.objects.filter(pk__in=chosen).select_related("pod__owner")
    drafts = [
        entries.of_request(EntryType.REQUEST_BOUND, each, actor)
        for each in bound.prefetch_related("items").order_by("stop__order")
    ]
    log.append_many(
        [
            log.Draft(
                type=EntryType.JOURNEY_BOUND,
                journey=journey.ref,
                person=pod.owner.ref,
                audit_key=pod.audit_key_id,
                detail={"channel": actor.channel, "journey": str(journey.pk)},
                **actor.facts(),
            ),
            *drafts,
        ]
    )
