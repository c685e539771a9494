"""What a program finds out by itself: addresses, keys, and this description."""

from typing import Any

from django.utils.translation import gettext as _

from config.openapi.operation import JSON, Operation, answer

TAG = "Discovery"
Part = dict[str, Any]


def tag() -> dict[str, str]:
    """Return what this group is about."""
    said = _("What your program finds out by itself. Anybody may ask.")
    return {"name": TAG, "x-title": _("Discovery"), "description": said}


def operations() -> list[Operation]:
    """Return the operations of this group."""
    return [
        _open(
            ".well-known/oauth-authorization-server",
            "getAuthorizationServer",
            _("Addresses of the OAuth endpoints"),
            _("RFC 8414. The issuer is also the audience of your assertions."),
            _document("AuthorizationServer"),
        ),
        _open(
            ".well-known/oauth-protected-resource",
            "getProtectedResource",
            _("How this API wants its tokens"),
            _("RFC 9728. A 401 points here."),
            _document("ProtectedResource"),
        ),
        _open(
            ".well-known/jwks.json",
            "getKeys",
            _("The vault's public keys"),
            _("With these you verify events; a new key stands here before it signs (RFC 7517)."),
            _document("JWKSet", "application/jwk-set+json"),
        ),
        _open(
            "api/v1/openapi.json",
            "getDescription",
            _("This description"),
            _("OpenAPI 3.1, made from the tables that the vault runs on."),
            _document("Description"),
        ),
    ]


def _document(shape: str, kind: str = JSON) -> Part:
    return answer(_("The document."), shape, "CacheControl", kind=kind)


def _open(route: str, name: str, summary: str, description: str, told: Part) -> Operation:
    return Operation(
        route=route,
        method="get",
        id=name,
        tag=TAG,
        summary=summary,
        description=description,
        answers={200: told},
        security=(),
    )
