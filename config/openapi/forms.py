"""The OAuth endpoints: forms that come in, and RFC 6749's JSON that goes out.

An OAuth endpoint passes over parameters that it does not know (RFC 6749, 3.1 and 3.2), so these
forms, unlike the API's bodies, allow more than is named. They are all texts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from config.openapi.answers import COUNT, TEXT, URI, UUID, listed, ref, shape
from config.openapi.problems import NAMES
from consent.oauth import details, grant_types
from consent.oauth.assertions import ASSERTION_TYPE

Schema = dict[str, Any]
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_WORD: Schema = {"type": "string", "minLength": 1}
_ASSERTED: Mapping[str, Schema] = {
    "client_assertion_type": {"const": ASSERTION_TYPE},
    "client_assertion": _WORD,
    "client_id": _WORD,
}
_TOKEN: Mapping[str, Schema] = {
    "grant_type": {"enum": sorted(grant_types.KNOWN)},
    "code": _WORD, "code_verifier": _WORD, "redirect_uri": _WORD, "refresh_token": _WORD,
    "grant_id": _WORD,
}  # fmt: skip
_HASH: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
_PUSHED: Mapping[str, Schema] = {
    "response_type": {"const": "code"}, "response_mode": {"const": "query"},
    "redirect_uri": _WORD, "state": {"type": "string", "pattern": "^[ -~]{0,512}$"},
    "code_challenge": _HASH, "code_challenge_method": {"const": "S256"}, "dpop_jkt": TEXT,
    "resource": _WORD, "grant_id": _WORD,
    "grant_management_action": {"enum": ["create", "replace"]},
    "authorization_details": {
        "type": "string", "contentMediaType": JSON,
        "contentSchema": ref("AuthorizationDetails"),
    },
}  # fmt: skip
# What the errors of RFC 6749, 5.2 and its successors are called here, by what was asked.
KNOCK = ("invalid_request", "invalid_dpop_proof")
TOKEN = (
    *KNOCK, "invalid_grant", "invalid_grant_id", "invalid_scope", "unauthorized_client",
    "unsupported_grant_type", "invalid_authorization_details",
)  # fmt: skip
PUSHED = (
    *KNOCK, "unauthorized_client", "request_not_supported", "unsupported_response_type",
    "invalid_scope", "invalid_target", "invalid_grant_id", "invalid_authorization_details",
)  # fmt: skip
REVOKED = (*KNOCK, "unsupported_token_type")


def schemas() -> dict[str, Schema]:
    """Return every form and answer of the OAuth endpoints by its name."""
    token = {"token": _WORD, "token_type_hint": TEXT}
    pushed = ("response_type", "client_id", "redirect_uri", "code_challenge",
              "code_challenge_method", "authorization_details")  # fmt: skip
    return {
        "TokenRequest": _form(_TOKEN, "grant_type"),
        "PushedRequest": _form(_PUSHED, *pushed),
        "TokenQuestion": _form(token, "token"),
        "TokenRevocation": _form(token, "token"),
        "TokenAnswer": _token(),
        "PushedAnswer": shape({"request_uri": TEXT, "expires_in": COUNT}),
        "Introspection": {"oneOf": [shape({"active": {"const": False}}), _active()]},
        "AuthorizationServer": _server(),
        "ProtectedResource": _resource(),
    }


# Only a vault of invented customers says so (docs/sandbox.md).
_SANDBOX: Mapping[str, Schema] = {"consent_vault_sandbox": {"const": True}}


def error(errors: Iterable[str]) -> Schema:
    """Return the schema of an error as OAuth writes it."""
    return shape(
        {"error": {"enum": sorted(errors)}, "error_description": TEXT}, "error_description"
    )


def response(description: str, errors: Iterable[str], *headers: str) -> Schema:
    """Return the response for one status of an OAuth endpoint."""
    names = ("CacheControl", "ContentLanguage", "Pragma", *headers)
    return {
        "description": description,
        "headers": {NAMES[name]: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {JSON: {"schema": error(errors)}},
    }


def _form(known: Mapping[str, Schema], *needed: str) -> Schema:
    required = ["client_assertion_type", "client_assertion", *needed]
    signed = _WORD | {"description": _("A JWT, ES256, signed with a registered key.")}
    named = _WORD | {"description": _("If it is there, the iss of the assertion.")}
    return {
        "type": "object",
        "required": required,
        "properties": {**known, **_ASSERTED, "client_assertion": signed, "client_id": named},
        "additionalProperties": True,
    }


def _token() -> Schema:
    known = {
        "access_token": TEXT, "token_type": {"enum": ["Bearer", "DPoP"]}, "expires_in": COUNT,
        "refresh_token": TEXT, "grant_id": UUID,
        "authorization_details": listed(ref("GrantedDetail")),
    }  # fmt: skip
    return shape(known, "refresh_token", "grant_id", "authorization_details")


def _active() -> Schema:
    known = {
        "active": {"const": True}, "client_id": TEXT, "iss": URI, "aud": URI, "iat": COUNT,
        "exp": COUNT, "token_type": {"enum": ["Bearer", "DPoP"]}, "cnf": shape({"jkt": TEXT}),
        "sub": TEXT, "grant_id": UUID, "authorization_details": listed(ref("GrantedDetail")),
    }  # fmt: skip
    told = ("exp", "token_type", "cnf", "sub", "grant_id", "authorization_details")
    return shape(known, *told)


def _server() -> Schema:
    ends = ("token", "introspection", "revocation")
    at = (
        "authorization",
        "pushed_authorization_request",
        "grant_management",
        "registration",
        *ends,
    )
    lists = (
        "grant_types", "response_types", "response_modes", "code_challenge_methods",
        "authorization_details_types", "dpop_signing_alg_values", "grant_management_actions",
        "ui_locales", *(f"{end}_endpoint_auth_methods" for end in ends),
        *(f"{end}_endpoint_auth_signing_alg_values" for end in ends),
    )  # fmt: skip
    always: Mapping[str, Schema] = {
        "require_pushed_authorization_requests": {"const": True},
        "authorization_response_iss_parameter_supported": {"const": True},
    }
    known = {"issuer": URI, "jwks_uri": URI, "protected_resources": listed(URI)}
    known |= {f"{name}_endpoint": URI for name in at}
    known |= {f"{name}_supported": listed(TEXT) for name in lists}
    return shape({**known, **always, **_SANDBOX}, *_SANDBOX)


def _resource() -> Schema:
    known: Mapping[str, Schema] = {
        "resource": URI, "authorization_servers": listed(URI),
        "bearer_methods_supported": listed({"const": "header"}),
        "authorization_details_types_supported": listed({"const": details.TYPE}),
        "dpop_signing_alg_values_supported": listed(TEXT),
        "dpop_bound_access_tokens_required": {"const": False}, "resource_name": TEXT,
    }  # fmt: skip
    return shape({**known, **_SANDBOX}, *_SANDBOX)
