"""A partner's program registers itself (RFC 7591): JSON that comes in, and JSON that goes out.

What is not known is passed over, as the standard wants it; so this body, unlike the API's, allows
more than is named.
"""

from typing import Any

from django.utils.translation import gettext as _

from config.openapi import forms
from config.openapi.answers import COUNT, FLAG, TEXT, URI, listed, shape
from config.openapi.operation import JSON, Operation, answer, body
from consent.oauth import grant_types, keysets, redirects, registering
from consent.oauth.signatures import ALGORITHM

ERRORS = ("invalid_client_metadata", "invalid_redirect_uri", "unapproved_software_statement")
Schema = dict[str, Any]


def operation(tag: str) -> Operation:
    """Return the one operation there is."""
    away = ("temporarily_unavailable",)
    return Operation(
        route="oauth/register",
        method="post",
        id="registerClient",
        tag=tag,
        summary=_("Register a program"),
        description=_(
            "With a token that the operator issued for your company, once, for one program of one "
            "level (RFC 7591). What is refused spends nothing."
        ),
        body=body("ClientMetadata", JSON),
        answers={201: answer(_("How it is registered."), "RegisteredClient", "CacheControl")},
        refusals={
            400: forms.response(_("This is not registered; error says why."), ERRORS),
            401: forms.response(
                _("The registration token is missing, spent or over."),
                ("invalid_token",),
                "Challenge",
            ),
            411: forms.response(_("The body needs its Content-Length."), ("invalid_request",)),
            429: forms.response(_("Too many failures from this address."), away, "RetryAfter"),
            500: forms.response(
                _("The vault failed; its operator has been told."), ("server_error",)
            ),
            503: forms.response(_("The vault cannot answer at present."), away, "RetryAfter"),
        },
        security=("registration",),
    )


def schemas() -> dict[str, Schema]:
    """Return what comes in and what goes out, by name."""
    name = {"type": "string", "minLength": 1, "maxLength": registering.LONGEST_NAME}
    asked = {
        "client_name": name,
        "client_name#ko": name,
        "client_name#en": name,
        "jwks": _keys(),
        "redirect_uris": listed(URI) | {"maxItems": redirects.MOST},
        "token_endpoint_auth_method": {"const": "private_key_jwt"},
        "token_endpoint_auth_signing_alg": {"const": ALGORITHM},
        "grant_types": listed({"enum": sorted(grant_types.KNOWN)}),
        "response_types": listed({"const": "code"}),
        "dpop_bound_access_tokens": FLAG,
    }
    given = {part: asked[part] for part in asked if part != "client_name"}
    may = [part for part in asked if part != "jwks"]
    return {
        "ClientMetadata": shape(asked, *may, additionalProperties=True),
        "RegisteredClient": shape({"client_id": TEXT, "client_id_issued_at": COUNT} | given),
    }


def _keys() -> Schema:
    key = dict.fromkeys(("kty", "crv", "x", "y", "kid", "use", "alg"), TEXT)
    keys = listed(shape(key, "use", "alg"))
    return shape({"keys": keys | {"minItems": 1, "maxItems": keysets.MOST_KEYS}})
