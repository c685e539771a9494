"""Who belongs to an alliance. A brand that leaves it loses what it had through it."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import grants, locking
from consent.actors import Actor
from consent.alliances import exits
from consent.models import AccessRequest, Alliance, Grant, Membership, Partner
from consent.requests import closing

REASON = "left-alliance"


@transaction.atomic
def make(lead: Partner, name_ko: str, name_en: str, actor: Actor) -> Alliance:
    """Make an alliance, with its lead as the first member. Raises `PartnerSuspended`."""
    alliance = Alliance.objects.create(lead=lead, name_ko=name_ko, name_en=name_en)
    _append(EntryType.ALLIANCE_MADE, alliance, lead, actor)
    join(alliance, lead, actor)
    return alliance


@transaction.atomic
def join(alliance: Alliance, partner: Partner, actor: Actor) -> Membership:
    """Let a partner in: from now on the lead may ask for it. Twice is once.

    Raises `PartnerSuspended` for a partner that may not be answered.
    """
    held = locking.live_partner(partner.pk)
    try:
        with transaction.atomic():
            made = Membership.objects.create(alliance=alliance, partner=held)
    except IntegrityError:
        return Membership.objects.get(alliance=alliance, partner=held, left_at=None)
    _append(EntryType.ALLIANCE_JOINED, alliance, held, actor)
    return made


@transaction.atomic
def leave(alliance: Alliance, partner: Partner, actor: Actor) -> list[Grant]:
    """Let a partner go; return its grants that this ended: all it held only through the alliance.

    What it had asked through it is taken back. Twice is once.
    """
    # Whoever approves something for this partner holds the membership, so that nothing comes after.
    mine = Membership.objects.filter(alliance=alliance, partner=partner, left_at=None)
    if not mine.update(left_at=timezone.now()):
        return []
    _append(EntryType.ALLIANCE_LEFT, alliance, partner, actor)
    held = exits.through_all(alliance.journeys.all()).to(partner)
    ended = grants.end_every(held, Grant.EndKind.REVOKED, REASON, actor)
    asked = AccessRequest.objects.filter(partner=partner, stop__journey__alliance=alliance)
    closing.take_back(asked, actor)
    return ended


def leave_all(partner: Partner, actor: Actor) -> list[Grant]:
    """Let a partner go from every alliance."""
    there = Alliance.objects.filter(memberships__partner=partner, memberships__left_at=None)
    return [grant for each in there.order_by("pk") for grant in leave(each, partner, actor)]


def _append(entry_type: EntryType, alliance: Alliance, partner: Partner, actor: Actor) -> None:
    log.append(
        log.Draft(
            type=entry_type,
            alliance=alliance.ref,
            partner_object=partner.ref,
            **actor.facts(),
        )
    )
