"""Giving up an event or an obligation: one operator asks, with a reason, another confirms (8.2)."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from consent.actors import Actor
from consent.exceptions import SecondPersonNeeded
from consent.models import Abandonment, Delivery, Obligation
from consent.revocation import deliveries, obligations

# What nobody confirmed for so long is asked anew: the second person must know what it is about.
STANDS_FOR = timedelta(days=1)


@transaction.atomic
def abandon(what: Delivery | Obligation, reason: str, actor: Actor) -> bool:
    """Ask to give something up, or confirm what another operator asked; return whether it is done.

    The reason that counts is the first person's. Raises `SecondPersonNeeded` where somebody
    confirms what they asked themselves, or has no account.
    """
    if not actor.account:
        raise SecondPersonNeeded
    asked = _standing(what)
    if asked is None:
        _ask(what, reason, actor)
        return False
    if asked.asked_by == actor.account:
        raise SecondPersonNeeded
    first = Actor(role="operator", channel="command", account=asked.asked_by)
    asked.confirmed_by, asked.confirmed_at = actor.account, timezone.now()
    asked.save(update_fields=["confirmed_by", "confirmed_at"])
    if isinstance(what, Delivery):
        return deliveries.abandon(what, asked.reason, first=first, second=actor)
    return obligations.abandon(what, asked.reason, first=first, second=actor)


def _standing(what: Delivery | Obligation) -> Abandonment | None:
    since = timezone.now() - STANDS_FOR
    found = Abandonment.objects.filter(what=what.pk, confirmed_at=None, asked_at__gt=since)
    return found.select_for_update().order_by("-asked_at").first()


def _ask(what: Delivery | Obligation, reason: str, actor: Actor) -> None:
    Abandonment.objects.create(what=what.pk, reason=reason[:200], asked_by=actor.account or "")
