"""Grants and their end: what is granted, what is owed afterwards, and the events that say so."""

from django.utils.translation import gettext as _

from config.openapi import problems
from config.openapi.operation import (
    EVERYWHERE,
    FOUND,
    JSON_BODY,
    NEGOTIATED,
    WHOLE,
    Operation,
    body,
    limited,
)
from consent import exceptions as consent

TAG = "Grants and obligations"
JWT = "application/jwt"


def tag() -> dict[str, str]:
    """Return what this group is about."""
    said = _("What is granted now, what you owe after an end, and the events that tell you.")
    return {"name": TAG, "x-title": _("Grants and obligations"), "description": said}


def operations() -> list[Operation]:
    """Return the operations of this group."""
    return [_query(), _end(), _poll(), _owed(), _attest()]


_SEEN = EVERYWHERE + NEGOTIATED


def _query() -> Operation:
    return Operation(
        route="api/v1/grants/<uuid:grant_id>",
        method="get",
        id="getGrant",
        tag=TAG,
        summary=_("See what is granted"),
        description=_("One grant of yours as it is now (Grant Management for OAuth 2.0)."),
        answers={200: limited(_("The grant."), "Grant")},
        told=(*_SEEN, *FOUND, problems.of(consent.GrantEnded)),
    )


def _end() -> Operation:
    return Operation(
        route="api/v1/grants/<uuid:grant_id>",
        method="delete",
        id="endGrant",
        tag=TAG,
        summary=_("End a grant"),
        description=_(
            "For good: its tokens die, the customer is told, and you owe the destruction of what "
            "you hold. Twice is once."
        ),
        answers={204: limited(_("It is over."))},
        told=_SEEN + FOUND,
    )


def _poll() -> Operation:
    return Operation(
        route="api/v1/events/poll",
        method="post",
        id="pollEvents",
        tag=TAG,
        summary=_("Fetch events"),
        description=_(
            "For brands without an inbound address (RFC 8936): acknowledge what you have stored "
            "and take the next, in order. Waits up to 20 seconds for one, unless told not to."
        ),
        body=body("Poll") | {"required": False},  # nothing is as good as {}
        answers={200: limited(_("Signed events by their ids."), "Events")},
        told=(*_SEEN, *WHOLE, *JSON_BODY, problems.of(consent.EventsArePushed)),
    )


def _owed() -> Operation:
    return Operation(
        route="api/v1/obligations",
        method="get",
        id="listObligations",
        tag=TAG,
        summary=_("List what you owe"),
        description=_("Copies that you still have to destroy, the most urgent first."),
        answers={
            200: limited(_("The open ones, and a cursor where there are more."), "Obligations")
        },
        told=(*_SEEN, *WHOLE, *map(problems.of, (consent.RequestInvalid, consent.CursorRefused))),
        parameters=("Limit", "Cursor"),
    )


def _attest() -> Operation:
    faults = (consent.AttestationRefused, consent.RequestInvalid)
    return Operation(
        route="api/v1/obligations/<uuid:obligation_id>/attestation",
        method="post",
        id="attest",
        tag=TAG,
        summary=_("Say what became of the copies"),
        description=_(
            "A compact JWS of type attestation+jwt, signed with your registered key: deleted, "
            "anonymised, in backup until, kept by law, or never stored, category by category. Where "
            "deletion_only is true, anonymised is refused."
        ),
        body={"required": True, "content": {JWT: {"schema": {"type": "string"}}}},
        answers={201: limited(_("Taken. The obligation as it is now."), "Obligation")},
        told=(*_SEEN, *WHOLE, *FOUND, problems.plain(415), *map(problems.of, faults)),
    )
