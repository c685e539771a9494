"""Asking customers: requests, and journeys of several brands."""

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

TAG = "Asking"


def tag() -> dict[str, str]:
    """Return what this group is about."""
    said = _("Ask a customer for access, and learn what became of it.")
    return {"name": TAG, "x-title": _("Asking"), "description": said}


def operations() -> list[Operation]:
    """Return the operations of this group."""
    return [_ask(), _look(), _reasons(), _ask_together(), _look_together()]


_SEEN = EVERYWHERE + NEGOTIATED + WHOLE
_ASKED = (
    *_SEEN, *JSON_BODY,
    *map(problems.of, (consent.KeyReuse, consent.RequestThrottled, consent.RequestsBarred,
                       consent.PartnerSuspended)),
)  # fmt: skip


def _ask() -> Operation:
    return Operation(
        route="api/v1/requests",
        method="post",
        id="askForAccess",
        tag=TAG,
        summary=_("Ask a customer"),
        description=_(
            "One purpose, what you need for it and why, and what the customer gets. Whether the "
            "vault knows the person, you do not learn: the answer is always pending."
        ),
        body=body("AccessRequest"),
        parameters=("IdempotencyKey",),
        answers={201: limited(_("Taken, and pending. A link where you asked for one."), "Request")},
        told=(*_ASKED, problems.request_rules()),
    )


def _look() -> Operation:
    return Operation(
        route="api/v1/requests/<uuid:request_id>",
        method="get",
        id="getRequest",
        tag=TAG,
        summary=_("See what became of a request"),
        description=_(
            "Unknown, ignored, refused and blocked people look alike, on purpose. An approval "
            "names the customer by an id that only you have, and says what was granted."
        ),
        answers={200: limited(_("Its state now."), "Request")},
        told=_SEEN + FOUND,
    )


def _reasons() -> Operation:
    return Operation(
        route="api/v1/requests/reasons",
        method="get",
        id="countReasons",
        tag=TAG,
        summary=_("See why people refused"),
        description=_(
            "How many different people refused you, by month, purpose and reason, in full tens: "
            "fewer than ten are not told. A month is told once it is over, and takes in requests "
            "whose own time ended in it. Who told you the reason is not counted, and nothing is told "
            "unless ten more were asked in vain."
        ),
        answers={200: limited(_("The last twelve months, the latest first."), "Reasons")},
        told=_SEEN,
    )


def _ask_together() -> Operation:
    return Operation(
        route="api/v1/journeys",
        method="post",
        id="askForJourney",
        tag=TAG,
        summary=_("Ask for all brands of a journey"),
        description=_(
            "The lead of an alliance asks once; each stop is a request of its own brand, decided "
            "brand by brand, and ended by the customer with one tap."
        ),
        body=body("JourneyRequest"),
        parameters=("IdempotencyKey",),
        answers={201: limited(_("Taken, and each of its requests pending."), "Journey")},
        told=(*_ASKED, problems.journey_rules()),
    )


def _look_together() -> Operation:
    return Operation(
        route="api/v1/journeys/<uuid:journey_id>",
        method="get",
        id="getJourney",
        tag=TAG,
        summary=_("See a journey"),
        description=_(
            "Its lead sees every stop, a member only its own. What became of a stop's request "
            "only its own brand learns, with getRequest."
        ),
        answers={200: limited(_("The journey as you may see it."), "Journey")},
        told=_SEEN + FOUND,
    )
