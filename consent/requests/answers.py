"""What a partner may learn of its request (3.5, 3.8): asked and granted side by side, and no more.

Unknown, ignored, refused and blocked are the same answer at the same time.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from consent.models import AccessRequest, Grant, GrantItem, RequestItem
from consent.requests import qr

if TYPE_CHECKING:
    from consent.requests.submitting import Submitted


def state(request: AccessRequest) -> str:
    """Return "pending", "approved", "closed", or in a session "refused"."""
    if request.approved_at is not None:
        return "approved"
    if request.in_session and request.refused_at is not None:
        return "refused"
    if request.closed_at is not None or request.expires_at <= timezone.now():
        return "closed"
    return "pending"


def answer(request: AccessRequest) -> dict[str, Any]:
    """Return what the partner is told when it asks."""
    found = state(request)
    told: dict[str, Any] = {
        "id": str(request.pk),
        "state": found,
        "purpose": request.purpose,
        "expires_at": request.expires_at,
        "asked": _asked(request),
    }
    if request.partner_ref:
        told["partner_ref"] = request.partner_ref
    if found == "approved":
        told |= _granted(Grant.objects.get(request=request))
    if found in {"refused", "closed"} and request.refusal_reason_shared:
        told["reason"] = request.refusal_reason
    return told


def pending(submitted: "Submitted", origin: str) -> dict[str, Any]:
    """Return the first answer, with the link if the partner asked for one.

    `origin` is the portal's, "https://vault.example/". The code stands in the fragment, which
    browsers keep to themselves: no server and no proxy writes it down.
    """
    told = answer(submitted.request)
    if submitted.link_code is not None:
        url = f"{origin.rstrip('/')}/link/#{submitted.link_code}"
        told["link"] = {
            "code": submitted.link_code,
            "url": url,
            "qr_svg": qr.svg(url),
            "expires_at": submitted.request.link.expires_at,
        }
    return told


def _asked(request: AccessRequest) -> dict[str, Any]:
    return {
        "items": _items(request.items.all()),
        "expires": request.grant_expires_at,
        "frequency": request.frequency,
    }


def _granted(grant: Grant) -> dict[str, Any]:
    return {
        "subject": grant.pairwise,
        "grant": str(grant.pk),
        "granted": {
            "items": _items(grant.items.all()),
            "valid_from": grant.valid_from,
            "expires": grant.stops_at,
            "frequency": grant.frequency,
            "access_mode": grant.access_mode,
        },
    }


def _items(items: Iterable[RequestItem] | Iterable[GrantItem]) -> list[dict[str, Any]]:
    return [
        {"category": item.category, "action": item.action, "fields": item.fields} for item in items
    ]
