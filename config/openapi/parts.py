"""What many operations share: parameters, headers, ways to sign in."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from config.openapi import schemas
from consent.revocation import listing

Part = dict[str, Any]
TEXT: Part = {"type": "string"}


def parameters() -> dict[str, Part]:
    """Return the header parameters by their names in the description."""
    key, proof = schemas.idempotency_key(), _("A proof for this call, beside a token of type DPoP.")
    again = _("Your name for this call: with the same name and body it is done once.")
    language = _("The language of detail and errors: English, or Korean.")
    return {
        "IdempotencyKey": _header("Idempotency-Key", key, again, required=True),
        "DPoP": _header("DPoP", TEXT, proof),
        "Limit": _asked(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": listing.MOST},
            _("How many at most; {usual} if not said.").format(usual=listing.USUAL),
        ),
        "Cursor": _asked(
            "cursor",
            TEXT | {"maxLength": listing.LONGEST},
            _("Where the page before ended; without it from the beginning."),
        ),
        "AcceptLanguage": _header("Accept-Language", TEXT | {"examples": ["ko"]}, language),
    }


def path_parameter(name: str) -> Part:
    """Return an id that stands in an address; only its one spelling leads anywhere."""
    lower = {"pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"} | lower,
    }


def headers() -> dict[str, Part]:
    """Return the headers of answers by their names in the description."""
    return {
        "CacheControl": _said(_("No answer about a person is kept by a cache."), TEXT),
        "ContentLanguage": _said(_("The language of an error."), {"enum": ["en", "ko"]}),
        "Pragma": _said(_("For old caches."), {"const": "no-cache"}),
        "Challenge": _said(_("How to come with a token (RFC 6750, 9449, 9728)."), TEXT),
        "Allow": _said(_("The methods that exist here."), TEXT),
        "RetryAfter": _said(
            _("Seconds to wait. A spent budget without it never comes back."),
            {"type": "integer", "minimum": 1},
        ),
        "RateLimit": _said(_("What is left of your calls a second."), TEXT),
        "RateLimitPolicy": _said(_("How many calls you may make."), TEXT),
    }


def security() -> dict[str, Part]:
    """Return the ways to say who one is."""
    token, authorize = settings.ORIGIN + "/oauth/token", settings.ORIGIN + "/oauth/authorize"
    return {
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "opaque",
            "description": _("An access token, good for five minutes. Level 1."),
        },
        "dpop": {
            "type": "http", "scheme": "dpop",
            "description": _("An access token that counts beside a proof of its key (RFC 9449)."),
        },
        "registration": {
            "type": "http", "scheme": "bearer", "bearerFormat": "opaque",
            "description": _("A token of the operator's, to register one program with (RFC 7591)."),
        },
        "private_key_jwt": {
            "type": "oauth2",
            "description": _("How a client gets its token: an assertion that it signed (RFC 7523)."),
            "flows": {
                "clientCredentials": {"tokenUrl": token, "scopes": {}},
                "authorizationCode": {
                    "authorizationUrl": authorize, "tokenUrl": token, "refreshUrl": token,
                    "scopes": {},
                },
            },
        },
    }  # fmt: skip


def _header(name: str, schema: Part, description: str, *, required: bool = False) -> Part:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": schema,
    }


def _asked(name: str, schema: Part, description: str) -> Part:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _said(description: str, schema: Part) -> Part:
    return {"description": description, "schema": schema}
