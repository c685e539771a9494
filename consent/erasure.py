"""Erasure's one door: every consent ends, then the keys go, and what they opened is gone with them.

What the log says about the person goes in a second, resumable step (`consent/forgetting`).
"""

from django.db import transaction
from django.utils import timezone

from consent import forgetting, grants
from consent.actors import OWNERS, Actor
from consent.exceptions import UnknownThing
from consent.models import AccessRequest, Grant
from vault import holding, pods
from vault.exceptions import PodErased
from vault.models import Pod


@transaction.atomic
def erase_pod(pod: Pod, actor: Actor, *, at_once: bool = False) -> Pod:
    """Erase a pod: unreadable from the commit on, in backups too once their generation is gone.

    All grants end first, so that every partner is told and owes its attestation, for copies too
    that it could keep. Waiting
    requests stay pending for their partners, like ignored ones. What the log says about the
    owner is forgotten 24 hours later, or `at_once`. Twice is once.
    Raises `UnknownThing` for a stranger.
    """
    _need_owner(pod, actor)
    try:
        held = holding.alone(pod)
    except PodErased:
        return Pod.objects.get(pk=pod.pk)
    if actor.role in OWNERS:
        grants.recall_all(held, actor)  # afterwards nobody is left who could
    grants.end_all(held, _kind(actor), "pod-erased", actor)
    AccessRequest.objects.of(held).waiting().update(pod=None)
    pods.destroy(held)
    forgetting.begin(held, timezone.now(), at_once=at_once)
    return Pod.objects.get(pk=pod.pk)


@transaction.atomic
def erase_category(pod: Pod, category: str, actor: Actor) -> None:
    """Erase a category everywhere: its items end with every partner, then its key goes."""
    _need_owner(pod, actor)
    held = holding.alone(pod)
    grants.end_category(held, category, _kind(actor), "category-erased", actor)
    pods.erase_category(held, category)


def _kind(actor: Actor) -> str:
    return Grant.EndKind.WITHDRAWN if actor.role in OWNERS else Grant.EndKind.REVOKED


def _need_owner(pod: Pod, actor: Actor) -> None:
    if actor.role in OWNERS and not actor.acts_for(pod.owner):
        raise UnknownThing
