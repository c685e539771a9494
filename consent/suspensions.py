"""Suspends a whole partner: nothing is answered from the commit on, and every owner is told (2.3)."""

from django.db import transaction

from consent import grants, partners
from consent.actors import Actor
from consent.models import Grant, Partner
from consent.partners import Operator


@transaction.atomic
def suspend(partner: Partner, ground: str, actor: Actor) -> list[Grant]:
    """Suspend a partner and its running grants; return the grants that this stopped.

    The partner's epoch alone stops every read. Each grant is suspended as well, because that is
    what its owner sees: an entry of their own, with who did it. Twice is once.
    Raises `ValueError` for a ground that the profile does not know.
    """
    grants.need_ground(ground)
    partners.suspend(partner, ground, Operator(account=actor.account))
    return grants.suspend_all(Grant.objects.to(partner), ground, actor)


@transaction.atomic
def reinstate(partner: Partner, reason: str, actor: Actor) -> list[Grant]:
    """Let a partner go on, and with it the grants that its suspension stopped. Twice is once."""
    held = partners.lock(partner)
    if held.suspended_at is None:
        return []
    stopped = Grant.objects.to(held).filter(
        suspended_at__gte=held.suspended_at, suspension_ground=held.suspension_ground
    )
    partners.reinstate(held, Operator(account=actor.account))
    return grants.unsuspend_all(stopped, reason, actor)
