"""What a client library may find out by itself. Says what is so now and nothing that will be.

A new module adds its members here in the commit that adds it.
"""

from typing import Any

from django.conf import settings

from consent.oauth import details, grant_management, grant_types
from consent.oauth.signatures import ALGORITHM

_CLIENT_AUTHENTICATION = {
    "token_endpoint": "/oauth/token",
    "introspection_endpoint": "/oauth/introspect",
    "revocation_endpoint": "/oauth/revoke",
}


def authorization_server() -> dict[str, Any]:
    """Return the RFC 8414 document. `issuer` is also the only audience of client assertions."""
    document: dict[str, Any] = {
        "issuer": settings.ORIGIN,
        "jwks_uri": settings.ORIGIN + "/.well-known/jwks.json",
        "authorization_endpoint": settings.ORIGIN + "/oauth/authorize",
        "pushed_authorization_request_endpoint": settings.ORIGIN + "/oauth/par",
        "registration_endpoint": settings.ORIGIN + "/oauth/register",
        "require_pushed_authorization_requests": True,
        "grant_types_supported": sorted(grant_types.KNOWN),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "authorization_details_types_supported": [details.TYPE],
        "dpop_signing_alg_values_supported": [ALGORITHM],
        "grant_management_endpoint": settings.ORIGIN + grant_management.PATH,
        "grant_management_actions_supported": list(grant_management.ACTIONS),
        "protected_resources": [settings.ORIGIN],
        "ui_locales_supported": [code for code, _name in settings.LANGUAGES],
    }
    for name, path in _CLIENT_AUTHENTICATION.items():
        document[name] = settings.ORIGIN + path
        document[f"{name}_auth_methods_supported"] = ["private_key_jwt"]
        document[f"{name}_auth_signing_alg_values_supported"] = [ALGORITHM]
    return document | _sandbox()


def protected_resource() -> dict[str, Any]:
    """Return the RFC 9728 document of the partner API."""
    document = {
        "resource": settings.ORIGIN,
        "authorization_servers": [settings.ORIGIN],
        "bearer_methods_supported": ["header"],
        "authorization_details_types_supported": [details.TYPE],
        "dpop_signing_alg_values_supported": [ALGORITHM],
        # Level 1 may come without one (docs/api-levels.md).
        "dpop_bound_access_tokens_required": False,
        "resource_name": "Consent Vault partner API" + (" (SANDBOX)" if settings.SANDBOX else ""),
    }
    return document | _sandbox()


def _sandbox() -> dict[str, Any]:
    """Return what says that nobody here is real; nothing where they are."""
    return {"consent_vault_sandbox": True} if settings.SANDBOX else {}
