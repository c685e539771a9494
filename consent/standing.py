"""Standing rules: what an owner decided once for all that comes later.

A rule acts where something is asked. What was shared before stays until its owner ends it, so
the decision on a read never meets a rule.
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.types import EntryType
from consent import requests
from consent.actors import Actor
from consent.exceptions import UnknownThing
from consent.models import AccessRequest, Partner, StandingRule
from vault import pods
from vault.models import Pod


@transaction.atomic
def block(pod: Pod, partner: Partner, actor: Actor) -> bool:
    """Take no more requests of a partner, and refuse those that wait; return whether this did it.

    The partner never learns it: for it the owner is somebody who does not answer (3.5). Twice
    is once. Raises `UnknownThing` for a stranger.
    """
    _need_owner(pod, actor)
    try:
        with transaction.atomic():
            StandingRule.objects.create(pod=pod, partner=partner)
    except IntegrityError:
        return False
    _append(EntryType.RULE_MADE, pod, partner, actor)
    waiting = AccessRequest.objects.of(pod).waiting().filter(partner=partner)
    for request in waiting.select_related("pod__owner"):
        requests.refuse(request, actor=actor)
    return True


@transaction.atomic
def unblock(pod: Pod, partner: Partner, actor: Actor) -> bool:
    """Take requests of a partner again; return whether this did it. Raises `UnknownThing`."""
    _need_owner(pod, actor)
    rule = StandingRule.objects.filter(pod=pod, partner=partner, removed_at=None)
    if not rule.update(removed_at=timezone.now()):
        return False
    _append(EntryType.RULE_REMOVED, pod, partner, actor)
    return True


def blocked(pod: Pod) -> list[Partner]:
    """Return the partners whose requests this owner does not take."""
    rules = StandingRule.objects.filter(pod=pod, removed_at=None)
    return [rule.partner for rule in rules.select_related("partner").order_by("made_at")]


def _append(entry_type: EntryType, pod: Pod, partner: Partner, actor: Actor) -> None:
    # The brand stands in the detail only: whom somebody keeps out is nobody else's business.
    detail = {"partner": str(partner.pk), "channel": actor.channel}
    pods.append(pod, entry_type, detail=detail, role=actor.role)


def _need_owner(pod: Pod, actor: Actor) -> None:
    if not actor.acts_for(pod.owner):
        raise UnknownThing
