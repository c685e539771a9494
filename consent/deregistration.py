"""Strikes a partner off: it is never answered again, and everything it had ends (2.3)."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import alliances, grants, partners
from consent.actors import Actor
from consent.models import AccessRequest, Grant, Partner
from consent.requests import closing

REASON = "partner-deregistered"


@transaction.atomic
def deregister(partner: Partner, actor: Actor) -> list[Grant]:
    """Strike a partner off and revoke all its grants; return those that this ended.

    It is told of each end and still owes the destruction of what it holds. What it had asked is
    closed. Twice is once.
    """
    held = partners.lock(partner)
    if held.deregistered_at is not None:
        return []
    now = timezone.now()
    # The epoch of a suspended partner is closed already.
    closes = held.epoch if held.is_live else None
    Partner.objects.filter(pk=held.pk).update(deregistered_at=now, epoch=F("epoch") + 1)
    log.append(
        log.Draft(
            type=EntryType.PARTNER_DEREGISTERED,
            partner_object=held.ref,
            closes=closes,
            **actor.facts(),
        )
    )
    ended = grants.end_every(Grant.objects.to(held), Grant.EndKind.REVOKED, REASON, actor, now=now)
    alliances.leave_all(held, actor)
    closing.take_back(AccessRequest.objects.filter(partner=held), actor)
    return ended
