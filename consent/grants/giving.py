"""Gives consent. Called by `requests.approve` only, which has checked and locked everything."""

from datetime import datetime
from typing import Any

from audit import log
from audit.types import EntryType
from consent import choices as choosing
from consent import entries, locking, pairs
from consent.actors import Actor
from consent.choices import Choices, Kept
from consent.grants import ending, narrowing
from consent.models import AccessRequest, Grant, GrantItem, NoticePin
from consent.revocation import deliveries
from consent.revocation.events import EventType
from keys import tree
from vault import categories
from vault.models import Pod


def give(
    request: AccessRequest,
    choices: Choices,
    pin: NoticePin,
    *,
    pod: Pod,
    actor: Actor,
    now: datetime,
) -> Grant:
    """Give what was chosen; the caller holds pod and partner, and `choices` have been checked.

    Opens epoch 1. What was un-ended for the same partner, pod and purpose ends first: expired
    if its time is over, else superseded, in this transaction, so that never both are alive (P9).
    """
    kept = choosing.kept_items(request, choices)
    earlier = _end_earlier(request, pod, kept, actor, now)
    grant = Grant.objects.create(
        partner=request.partner,
        pod=pod,
        request=request,
        pairwise=pairs.pairwise_of(request.partner, pod),
        notice=pin,
        given_at=now,
        valid_from=max(now, request.valid_from or now),
        expires_at=choosing.expires_at(request, choices),
        frequency=choosing.frequency(request, choices),
        **_thread(earlier),
        **_terms(request),
    )
    GrantItem.objects.bulk_create(
        GrantItem(
            grant=grant,
            position=each.asked.position,
            category=each.asked.category,
            action=each.asked.action,
            fields=None if each.fields is None else list(each.fields),
        )
        for each in kept
    )
    grant.key_id = tree.make_grant_key(grant.pk)
    tree.cover(pod.pk, grant.key_id, categories.sources(each.asked.category for each in kept))
    grant.save(update_fields=["key_id"])
    log.append(
        entries.of_grant(
            EntryType.GRANT_GIVEN, grant, actor, opens=1, notice=pin.digest, request=request.ref
        )
    )
    deliveries.enqueue(request.partner, grant, EventType.GRANT_GIVEN, _claims(request, grant))
    return grant


def _end_earlier(
    request: AccessRequest, pod: Pod, kept: list[Kept], actor: Actor, now: datetime
) -> Grant | None:
    unended = Grant.objects.of(pod).unended().filter(partner=request.partner)
    held = locking.grants(unended.filter(purpose=request.purpose).values_list("pk", flat=True))
    still = [grant for grant in held if grant.ended_at is None]
    for grant in still:
        if grant.stops_at <= now:
            ending.end_held(grant, Grant.EndKind.EXPIRED, "", Actor.system(), now)
        else:
            # The copies live on under the new grant; what it no longer covers has to go.
            gone = narrowing.no_longer_read(grant, kept)
            ending.end_held(grant, Grant.EndKind.SUPERSEDED, "", actor, now, owed_for=gone)
    return still[0] if still else None


def _thread(earlier: Grant | None) -> dict[str, Any]:
    """Return what joins a version to the one before it (1.5)."""
    if earlier is None or earlier.superseded_at is None:
        return {}
    return {"arrangement": earlier.arrangement, "version": earlier.version + 1}


def _terms(request: AccessRequest) -> dict[str, Any]:
    names = (
        "purpose", "access_mode", "data_range", "retention", "overseas", "marketing",
        "bound_kind", "bound_ref", "bound_ends_at",
    )  # fmt: skip
    return {name: getattr(request, name) for name in names}


def _claims(request: AccessRequest, grant: Grant) -> dict[str, Any]:
    return {
        "request": str(request.pk),
        "partner_ref": request.partner_ref,
        "purpose": grant.purpose,
        "valid_from": grant.valid_from.isoformat(),
        "expires": grant.stops_at.isoformat(),
        "items": [
            {"category": item.category, "action": item.action, "fields": item.fields}
            for item in grant.items.all()
        ],
    }
