"""What an owner decides on a request. A decision is final (3.7)."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import choices as choosing
from consent import entries, grants, locking, notices
from consent.actors import Actor
from consent.choices import Choices
from consent.exceptions import (
    AlreadyDecided,
    ChoicesInvalid,
    NoticeChanged,
    RequestExpired,
    UnknownThing,
)
from consent.models import AccessRequest, Grant, NoticePin
from consent.requests import closing
from consent.revocation import deliveries
from consent.revocation.events import EventType
from vault import holding
from vault.models import Pod

REFUSAL_REASONS = ("", "too_much", "not_needed", "no_trust", "no_benefit", "other")


def mark_viewed(request: AccessRequest) -> None:
    """Remember when its owner first saw it. The partner is never told."""
    AccessRequest.objects.filter(pk=request.pk, viewed_at=None).update(viewed_at=timezone.now())


def defer(request: AccessRequest) -> None:
    """Put it off; it keeps its own clock. The partner is never told."""
    AccessRequest.objects.waiting().filter(pk=request.pk).update(deferred_at=timezone.now())


@transaction.atomic
def approve(
    request: AccessRequest,
    choices: Choices,
    *,
    notice_digest: str,
    actor: Actor,
    language: str,
    now: datetime | None = None,
) -> Grant:
    """Give what the owner chose, on the very notice that was shown.

    `notice_digest` is the hash of the bytes that the owner confirmed. An earlier grant of the
    same partner, pod and purpose ends in the same transaction: expired, or superseded.
    Raises `AlreadyDecided`, `RequestExpired`, `UnknownThing`, `PartnerSuspended`,
    `ChoicesInvalid`, `BelowAtLeast`, `NoticeChanged`.
    """
    pod = _held_pod(request, actor)
    locking.live_partner(request.partner_id)
    journey = _need_member(request)
    moment = now or timezone.now()
    _decide(request, moment, approved_at=moment)
    request = _loaded(request)
    pin = _agreed(request, choices, notice_digest, language, moment)
    log.append(entries.of_request(EntryType.REQUEST_APPROVED, request, actor, notice=pin.digest))
    grant = grants.give(request, choices, pin, pod=pod, actor=actor, now=moment)
    claims = {"request": str(request.pk), "partner_ref": request.partner_ref} | journey
    deliveries.enqueue(request.partner, grant, EventType.REQUEST_APPROVED, claims)
    return grant


@transaction.atomic
def refuse(
    request: AccessRequest, *, actor: Actor, reason: str = "", shared: bool = False
) -> AccessRequest:
    """Refuse a request. The reason reaches the partner only if `shared`.

    Raises `AlreadyDecided`, `RequestExpired`, `UnknownThing`, `ChoicesInvalid`.
    """
    if reason not in REFUSAL_REASONS:
        raise ChoicesInvalid("this is none of the reasons to choose from")
    _need_owner(request, actor)
    now = timezone.now()
    kept = {"refusal_reason": reason, "refusal_reason_shared": bool(shared and reason)}
    # In a session the partner is told at once; otherwise when its time is over (3.5).
    closed = {"closed_at": now} if request.in_session else {}
    _decide(request, now, refused_at=now, **kept, **closed)
    request = _loaded(request)
    log.append(entries.of_request(EntryType.REQUEST_DECLINED, request, actor))
    if request.in_session:
        closing.tell_closed(request)
    return request


def refuse_waiting(waiting: Iterable[AccessRequest], *, actor: Actor) -> None:
    """Refuse each of these; what another page or the clock has settled meanwhile stays as it is."""
    for request in waiting:
        with suppress(AlreadyDecided, RequestExpired):
            refuse(request, actor=actor)


def _need_member(request: AccessRequest) -> dict[str, str]:
    """Hold the partner in the alliance that asked for it; return what names the journey.

    Nothing for a request that belongs to no journey. Raises `RequestExpired` if it has left.
    """
    if request.reach != AccessRequest.Reach.JOURNEY:
        return {}
    journey = request.stop.journey
    if not locking.members(journey.alliance_id, [request.partner_id]):
        raise RequestExpired
    return {"journey": str(journey.pk)}


def _decide(request: AccessRequest, now: datetime, **decision: object) -> None:
    """Compare and set: of two decisions at once, one finds the request undecided."""
    open_ = AccessRequest.objects.filter(
        pk=request.pk, decided_at=None, closed_at=None, expires_at__gt=now
    )
    if open_.update(decided_at=now, **decision):
        return
    decided = AccessRequest.objects.filter(pk=request.pk, decided_at__isnull=False)
    raise AlreadyDecided if decided.exists() else RequestExpired


def _agreed(
    request: AccessRequest, choices: Choices, notice_digest: str, language: str, now: datetime
) -> NoticePin:
    choosing.check(request, choices, now)
    # A tick for an item that was dropped afterwards does no harm.
    if not notices.required_ticks(request, choices) <= choices.ticks:
        raise ChoicesInvalid("every consent that is listed needs its own tick")
    notice = notices.render(request, choices, language)
    if notices.digest(notice) != notice_digest:
        raise NoticeChanged
    return notices.pin(notice, language)


def _held_pod(request: AccessRequest, actor: Actor) -> Pod:
    _need_owner(request, actor)
    assert request.pod is not None
    return holding.alone(request.pod)


def _need_owner(request: AccessRequest, actor: Actor) -> None:
    """Pass if the request reached this owner. Raises `UnknownThing`: others' do not exist."""
    if request.pod is None or not actor.acts_for(request.pod.owner):
        raise UnknownThing


def _loaded(request: AccessRequest) -> AccessRequest:
    found = AccessRequest.objects.select_related("partner", "template", "pod__owner")
    return found.prefetch_related("items").get(pk=request.pk)
