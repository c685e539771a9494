"""Standing rules: what an owner decided once for all that comes later.

No requests of one brand; none for one purpose; none that would read one kind of data, whoever
asks. A rule acts where something is asked. What was shared before stays until its owner ends it,
so the decision on a read never meets a rule; and who opens a brand's own code asks for it.
"""

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.types import EntryType
from consent import requests
from consent.actors import Actor
from consent.exceptions import UnknownThing
from consent.models import AccessRequest, Partner, StandingRule
from consent.requests import kept_out
from vault import categories, pods
from vault.models import Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a rule is about: exactly one of the three. Raises `ValueError`, `UnknownCategory`."""

    partner: Partner | None = None
    purpose: str = ""
    category: str = ""

    def __post_init__(self) -> None:
        if [bool(self.partner), bool(self.purpose), bool(self.category)].count(True) != 1:
            raise ValueError("a rule is about one brand, one purpose or one category")
        if self.category:
            categories.get(self.category)

    def columns(self) -> dict[str, Any]:
        """Return what a row holds."""
        return {"partner": self.partner, "purpose": self.purpose, "category": self.category}


@transaction.atomic
def block(pod: Pod, about: About, actor: Actor) -> bool:
    """Take no more such requests, and refuse those that wait; return whether this did it.

    No partner ever learns it: for them the owner is somebody who does not answer (3.5). Twice
    is once. Raises `UnknownThing` for a stranger.
    """
    _need_owner(pod, actor)
    try:
        with transaction.atomic():
            StandingRule.objects.create(pod=pod, **about.columns())
    except IntegrityError:
        return False
    _append(EntryType.RULE_MADE, pod, about, actor)
    waiting = AccessRequest.objects.of(pod).waiting().select_related("pod__owner", "partner")
    asked = waiting.prefetch_related("items").order_by("pk")
    ruled_out = (each for each in asked if kept_out.keeps_out(pod, each))
    requests.refuse_waiting(ruled_out, actor=actor)
    return True


@transaction.atomic
def unblock(pod: Pod, about: About, actor: Actor) -> bool:
    """Take such requests again; return whether this did it. Raises `UnknownThing`."""
    _need_owner(pod, actor)
    if not StandingRule.objects.of(pod).filter(**about.columns()).update(removed_at=timezone.now()):
        return False
    _append(EntryType.RULE_REMOVED, pod, about, actor)
    return True


def stands(pod: Pod, about: About) -> bool:
    """Return whether there is such a rule."""
    return StandingRule.objects.of(pod).filter(**about.columns()).exists()


def rules(pod: Pod) -> list[tuple[int, About]]:
    """Return the rules of this owner by their numbers, the oldest first."""
    found = StandingRule.objects.of(pod).select_related("partner").order_by("made_at", "pk")
    return [
        (each.pk, About(partner=each.partner, purpose=each.purpose, category=each.category))
        for each in found
    ]


def _append(entry_type: EntryType, pod: Pod, about: About, actor: Actor) -> None:
    # What it is about stands in the detail only: whom or what somebody keeps out is nobody
    # else's business.
    said = {
        "partner": str(about.partner.pk) if about.partner else "",
        "purpose": about.purpose,
        "category": about.category,
    }
    detail = {name: value for name, value in said.items() if value} | {"channel": actor.channel}
    pods.append(pod, entry_type, detail=detail, role=actor.role)


def _need_owner(pod: Pod, actor: Actor) -> None:
    if not actor.acts_for(pod.owner):
        raise UnknownThing
