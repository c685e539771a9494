"""Requests whose time is over, or that their partner takes back."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import batches, entries
from consent.actors import Actor
from consent.exceptions import AlreadyDecided, UnknownThing
from consent.models import AccessRequest
from consent.revocation import deliveries
from consent.revocation.deliveries import Owed
from consent.revocation.events import EventType

BATCH = 200


def close_overdue(limit: int = BATCH) -> int:
    """Close what was not approved in time and tell its partner; return how many.

    Refused ones are told now too, in the same words as ignored ones (3.5).
    """
    due = AccessRequest.objects.overdue().order_by("expires_at").values_list("pk", flat=True)
    return sum(batches.do([request_id], _close) for request_id in list(due[:limit]))


@transaction.atomic
def cancel(request: AccessRequest, actor: Actor) -> AccessRequest:
    """Take back a request that nobody decided. Twice is once.

    Raises `UnknownThing` for another partner's, `AlreadyDecided` for one that was approved.
    """
    if actor.partner is None or actor.partner.pk != request.partner_id:
        raise UnknownThing
    undecided = AccessRequest.objects.filter(pk=request.pk, approved_at=None, closed_at=None)
    if undecided.update(closed_at=timezone.now()):
        request = _loaded(request.pk)
        log.append(entries.of_request(EntryType.REQUEST_CANCELLED, request, actor))
        return request
    request = _loaded(request.pk)
    if request.approved_at is not None:
        raise AlreadyDecided
    return request


@transaction.atomic
def take_back(chosen: QuerySet[AccessRequest], actor: Actor) -> int:
    """Close every request of a set that nobody approved, and tell its partner; return how many.

    Refused ones too: one that stayed pending among closed ones would tell of a customer (3.5).
    """
    open_ = chosen.filter(approved_at=None, closed_at=None)
    held = list(_with_people(open_).select_for_update(of=("self",)).order_by("pk"))
    AccessRequest.objects.filter(pk__in=[each.pk for each in held]).update(closed_at=timezone.now())
    log.append_many([entries.of_request(EntryType.REQUEST_CANCELLED, each, actor) for each in held])
    deliveries.enqueue_all(_closed(each) for each in held)
    return len(held)


@transaction.atomic
def _close(ids: Sequence[UUID]) -> int:
    (request_id,) = ids
    now = timezone.now()
    if not AccessRequest.objects.overdue().filter(pk=request_id).update(closed_at=now):
        return 0
    request = _loaded(request_id)
    if request.decided_at is None:
        log.append(entries.of_request(EntryType.REQUEST_EXPIRED, request, Actor.system()))
    tell_closed(request)
    return 1


def tell_closed(request: AccessRequest) -> None:
    """Owe the partner the news that nothing comes of its request."""
    deliveries.enqueue_all([_closed(request)])


def _closed(request: AccessRequest) -> Owed:
    claims = {"request": str(request.pk), "partner_ref": request.partner_ref}
    if request.refusal_reason_shared:
        claims["reason"] = request.refusal_reason
    return Owed(partner=request.partner, type=EventType.REQUEST_CLOSED, payload=claims)


def _loaded(request_id: UUID) -> AccessRequest:
    return _with_people(AccessRequest.objects.all()).get(pk=request_id)


def _with_people(found: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    return found.select_related("partner", "pod__owner").prefetch_related("items")
