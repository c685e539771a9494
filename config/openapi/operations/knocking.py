"""Where a brand's program says who it is: the OAuth endpoints."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from config.openapi import forms
from config.openapi.operation import Operation, answer, body
from config.openapi.operations import registering

TAG = "Tokens"
Part = dict[str, Any]


def tag() -> dict[str, str]:
    """Return what this group is about."""
    said = _("Who you are: a signed assertion becomes a short-lived token (OAuth 2.0).")
    return {"name": TAG, "x-title": _("Tokens"), "description": said}


def operations() -> list[Operation]:
    """Return the operations of this group."""
    return [_token(), _push(), _introspect(), _revoke(), registering.operation(TAG)]


def _token() -> Operation:
    return Operation(
        route="oauth/token",
        method="post",
        id="getToken",
        tag=TAG,
        summary=_("Get an access token"),
        description=_(
            "With client_credentials for everything that your customers granted you, or for one "
            "grant if you name it; with a code or a refresh token for the grant that it came with."
        ),
        body=body("TokenRequest", forms.FORM),
        answers={200: answer(_("A token for five minutes."), "TokenAnswer", *_SAID)},
        refusals=_refusals(forms.TOKEN),
        parameters=("DPoP",),
        security=("private_key_jwt",),
    )


def _push() -> Operation:
    return Operation(
        route="oauth/par",
        method="post",
        id="pushRequest",
        tag=TAG,
        summary=_("Push an authorization request"),
        description=_(
            "Level 2: say what you want before any browser moves (RFC 9126, RFC 9396), then send "
            "the browser to the authorization endpoint with client_id and request_uri."
        ),
        body=body("PushedRequest", forms.FORM),
        answers={201: answer(_("Send the browser within 90 seconds."), "PushedAnswer", *_SAID)},
        refusals=_refusals(forms.PUSHED),
        parameters=("DPoP",),
        security=("private_key_jwt",),
    )


def _introspect() -> Operation:
    return Operation(
        route="oauth/introspect",
        method="post",
        id="introspectToken",
        tag=TAG,
        summary=_("Ask what a token is good for"),
        description=_(
            "Of tokens of your own company (RFC 7662). Unknown, ended and foreign ones are all "
            "simply not active."
        ),
        body=body("TokenQuestion", forms.FORM),
        answers={200: answer(_("What it is good for."), "Introspection", *_SAID)},
        refusals=_refusals(forms.KNOCK),
        security=("private_key_jwt",),
    )


def _revoke() -> Operation:
    return Operation(
        route="oauth/revoke",
        method="post",
        id="revokeToken",
        tag=TAG,
        summary=_("End a token"),
        description=_(
            "One of your own (RFC 7009); a refresh token takes all with it that came from it. "
            "Unknown ones are answered alike. Grants stay: end them with endGrant."
        ),
        body=body("TokenRevocation", forms.FORM),
        answers={200: answer(_("It is over, or never was."), None, *_SAID)},
        refusals=_refusals(forms.REVOKED),
        security=("private_key_jwt",),
    )


_SAID = ("CacheControl", "Pragma")


def _refusals(errors: tuple[str, ...]) -> Mapping[int, Part]:
    away, ours = ("temporarily_unavailable",), ("server_error",)
    return {
        400: forms.response(_("This is not done; error says why."), errors),
        401: forms.response(_("The client was not recognised."), ("invalid_client",), "Challenge"),
        411: forms.response(_("The body needs its Content-Length."), ("invalid_request",)),
        429: forms.response(_("Too many failures from this address."), away, "RetryAfter"),
        500: forms.response(_("The vault failed; its operator has been told."), ours),
        503: forms.response(_("The vault cannot answer at present."), away, "RetryAfter"),
    }
