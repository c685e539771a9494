"""The circuit breaker of each partner's endpoint: one dead brand costs one probe, not the queue."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from audit import log
from audit.log import Draft
from audit.types import EntryType
from consent.actors import Actor
from consent.models import Channel, Partner
from consent.revocation import schedule, sending
from consent.revocation.sending import Outcome


def open_at(now: datetime, prefix: str = "") -> Q:
    """Return the condition under which something is sent over a channel; none yet counts as open."""
    return Q(**{f"{prefix}gone_at": None}) & (
        Q(**{f"{prefix}shut_until": None}) | Q(**{f"{prefix}shut_until__lte": now})
    )


def reopen(partner: Partner) -> None:
    """Forget every failure: the partner named an endpoint, or somebody asks to try now."""
    Channel.objects.filter(partner=partner).delete()


@transaction.atomic
def choose(partner: Partner, delivery: str, endpoint: str, actor: Actor) -> None:
    """Set how a partner gets its events: pushed to an endpoint, or fetched by itself.

    What it was not told yet comes by the new way. Raises `EndpointRefused`.
    """
    if delivery == Partner.EventDelivery.PUSH:
        sending.check_endpoint(endpoint)
    held = Partner.objects.select_for_update().get(pk=partner.pk)
    Partner.objects.filter(pk=held.pk).update(event_delivery=delivery, event_endpoint=endpoint)
    reopen(held)
    log.append(
        Draft(
            type=EntryType.PARTNER_CHANGED,
            role=actor.role,
            account=actor.account,
            partner_object=held.ref,
            reason=f"events-{delivery}",
        )
    )


def note(by_partner: Mapping[Partner, Sequence[Outcome]], now: datetime) -> None:
    """Count what came of some attempts. The caller is in a transaction."""
    # Locked in one order, so that two workers never wait for each other in a circle. Usually
    # there is no row at all: nothing ever failed.
    held = Channel.objects.filter(partner__in=by_partner).select_for_update().order_by("pk")
    known = {channel.pk: channel for channel in held}
    for partner in sorted(by_partner, key=lambda one: one.pk):
        down = [outcome for outcome in by_partner[partner] if outcome.down]
        gone = any(outcome.gone for outcome in by_partner[partner])
        if down or gone:
            _count(known.get(partner.pk) or _new(partner), down, now, gone=gone)
        elif (channel := known.get(partner.pk)) and channel.failures:
            # An endpoint that answers is well, whatever it answers.
            channel.failures, channel.shut_until = 0, None
            channel.save()


def _new(partner: Partner) -> Channel:
    Channel.objects.get_or_create(partner=partner)
    return Channel.objects.select_for_update().get(partner=partner)


def _count(channel: Channel, down: Sequence[Outcome], now: datetime, *, gone: bool) -> None:
    channel.failures += len(down)
    channel.shut_until = _shut_until(channel, down, now)
    channel.gone_at = now if gone else channel.gone_at
    channel.save()


def _shut_until(channel: Channel, down: Sequence[Outcome], now: datetime) -> datetime | None:
    """Return until when nothing is sent: by the breaker, or because the endpoint asked for it."""
    asked = [min(one.retry_after, schedule.LONGEST_WAIT) for one in down if one.retry_after]
    longest = max((*asked, schedule.shut_for(channel.failures) or timedelta()))
    until = now + longest if longest else None
    return max((moment for moment in (until, channel.shut_until) if moment), default=None)
