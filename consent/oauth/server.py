"""oauthlib, wired to our models: three grant types with `private_key_jwt`, and no other client."""

import json
import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from oauthlib.common import Request
from oauthlib.oauth2 import RequestValidator, RevocationEndpoint, TokenEndpoint
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error

from consent.models import Client
from consent.oauth import (
    clients,
    grant_types,
    introspection,
    proofs,
    pushing,
    redeeming,
    refusals,
    registering,
    tokens,
)
from consent.oauth.assertions import ASSERTION_TYPE
from consent.oauth.exceptions import (
    AssertionRefused,
    KnockRefused,
    ProofRefused,
    Reason,
    SeenStoreAway,
)

# oauthlib writes the tokens that it issues to its debug log.
logging.getLogger("oauthlib").setLevel(logging.INFO)

# Headers, body and status, as oauthlib hands them out.
Answer = tuple[Mapping[str, str], str, int]
UNAUTHENTICATED = 401
# RFC 6749, 5.2. Every failed authentication has this one sentence, whatever the reason.
DESCRIPTIONS = {"invalid_client": "Client authentication failed."}


# What oauthlib refuses by itself.
_LIBRARYS = {"unsupported_grant_type": Reason.GRANT_TYPE, "invalid_scope": Reason.SCOPE}


@dataclass(slots=True)
class _Knock:
    """The call that is being answered: by whom, and whether its refusal has been told."""

    door: str
    client: Client | None = None
    is_told: bool = False

    def tell(self, reason: Reason, *, by: Client | None = None, entered: bool = False) -> None:
        """Tell operator and log, once, that it is refused."""
        self.is_told = True
        refusals.tell(self.door, reason, by=by or self.client, entered=entered)


# oauthlib hands neither the client nor our reason back to whoever called it.
_knock: ContextVar[_Knock] = ContextVar("knock")


class Validator(RequestValidator):  # type: ignore[misc]
    """What oauthlib asks us."""

    def client_authentication_required(self, *_: object, **__: object) -> bool:
        """There are no public clients."""
        return True

    def authenticate_client(self, request: Request, *_: object, **__: object) -> bool:
        """Attach the client to the request; every way to fail looks the same outside."""
        try:
            request.client = _authenticated(request)
        except AssertionRefused as refused:
            _knock.get().tell(refused.reason, by=refused.client)
            return False
        request.client_id = request.client.client_id
        _knock.get().client = request.client
        return True

    def authenticate_client_id(self, *_: object, **__: object) -> bool:
        """Never by name alone."""
        return False

    def validate_grant_type(
        self,
        _client_id: str,
        grant_type: str,
        _client: Client,
        request: Request,
        *_: object,
        **__: object,
    ) -> bool:
        """Let an authenticated client have its grant type, with the key that it proves to hold."""
        request.jkt = _proven(request, "/oauth/token")
        if not request.jkt and request.client.level >= pushing.LEAST_LEVEL:
            raise ProofRefused(Reason.PROOF_MISSING)
        return grant_type in grant_types.KNOWN

    def get_default_scopes(self, *_: object, **__: object) -> None:
        """There are no scopes: grants say what may be read (consent.md, 6.3)."""

    def validate_scopes(
        self, _client_id: str, scopes: list[str] | None, *_: object, **__: object
    ) -> bool:
        """Asking for a scope is an error rather than a promise we would not keep."""
        return not scopes

    def save_token(self, *_: object, **__: object) -> None:
        """Nothing left to do: `tokens.issue` stored the digest when it made the token."""

    def invalidate_authorization_code(self, *_: object, **__: object) -> None:
        """Nothing left to do: `redeeming.redeem` spent the code when it looked at it."""

    def revoke_token(
        self, token: str, _hint: str | None, request: Request, *_: object, **__: object
    ) -> None:
        """End the client's own token. The hint is only a hint (RFC 7009, 2.1)."""
        if not redeeming.kill_refresh(token, request.client):
            tokens.kill(token, request.client)


def token(body: str, headers: Mapping[str, str]) -> Answer:
    """Answer a token request (RFC 6749, 4.1.3, 4.4 and 6)."""
    return _answered(_server.create_token_response, "/oauth/token", body, headers)


def revocation(body: str, headers: Mapping[str, str]) -> Answer:
    """Answer a revocation request (RFC 7009)."""
    return _answered(_server.create_revocation_response, "/oauth/revoke", body, headers)


def push(body: str, headers: Mapping[str, str]) -> Answer:
    """Answer a pushed authorization request (RFC 9126)."""
    return _answered(_pushed, "/oauth/par", body, headers)


def introspect(body: str, headers: Mapping[str, str]) -> Answer:
    """Answer what a token is good for, to the partner that has it (RFC 7662)."""
    return _answered(_introspected, "/oauth/introspect", body, headers)


def registration(token: str | None, body: bytes) -> Answer:
    """Answer a registration (RFC 7591, 3): a program of a partner that holds a token for it."""
    if token is None:
        refusals.tell("oauth.register", Reason.MISSING)
        return _challenged(_error("invalid_token", "A registration token is needed.", 401), "")
    try:
        return {}, json.dumps(registering.register(token, body), ensure_ascii=False), 201
    except KnockRefused as refused:
        refusals.tell("oauth.register", refused.reason, entered=refused.entered)
        answer = _error(refused.error, refused.what, refused.status)
        shown = ' error="invalid_token"'
        return _challenged(answer, shown) if refused.status == UNAUTHENTICATED else answer


def _challenged(answer: Answer, said: str) -> Answer:
    return {"WWW-Authenticate": "Bearer" + said}, *answer[1:]


def oversized(door: str, most: int) -> Answer:
    """Answer a form that is larger than is read, without looking at it."""
    refusals.tell(door, Reason.TOO_LARGE)
    return _error("invalid_request", f"The form is too large; at most {most} bytes are read.")


def braked(wait: timedelta) -> Answer:
    """Answer an address that failed too often, without looking at what it sent."""
    told = {"error": "temporarily_unavailable", "error_description": "Too many failures; wait."}
    return {"Retry-After": str(int(wait.total_seconds()))}, json.dumps(told), 429


def _answered(
    endpoint: Callable[..., Answer], path: str, body: str, headers: Mapping[str, str]
) -> Answer:
    knock = _Knock(path.strip("/").replace("/", "."))
    _knock.set(knock)
    try:
        answer = endpoint(settings.ORIGIN + path, "POST", body, dict(headers))
    except OAuth2Error as error:
        answer = (error.headers, error.json, error.status_code)
    except KnockRefused as refused:
        knock.tell(refused.reason, entered=refused.entered)
        answer = _error(refused.error, refused.what, refused.status)
    except AssertionRefused as refused:
        # Recognised a moment ago, and revoked or suspended since.
        knock.tell(refused.reason, entered=refused.entered)
        unknown = InvalidClientError()
        answer = (unknown.headers, unknown.json, unknown.status_code)
    except ProofRefused as refused:
        knock.tell(refused.reason)
        answer = _error("invalid_dpop_proof", "The DPoP proof is missing or wrong.")
    except SeenStoreAway:
        answer = _error("temporarily_unavailable", "Proofs cannot be checked at present.", 503)
    if answer[2] < 400:
        return answer
    told = _told(*answer)
    if answer[2] < 500 and not knock.is_told:
        knock.tell(_LIBRARYS.get(json.loads(told[1])["error"], Reason.PARAMETERS))
    return told


def _error(error: str, what: str, status: int = 400) -> Answer:
    return {}, json.dumps({"error": error, "error_description": what}), status


def _pushed(uri: str, method: str, body: str, headers: dict[str, str]) -> Answer:
    request = _known(uri, method, body, headers)
    form = dict(request.decoded_body or ())
    pushed = pushing.push(request.client, form, proof_jkt=_proven(request, "/oauth/par"))
    told = {"request_uri": pushed.request_uri, "expires_in": pushed.expires_in}
    return {}, json.dumps(told), 201


def _introspected(uri: str, method: str, body: str, headers: dict[str, str]) -> Answer:
    request = _known(uri, method, body, headers)
    if not request.token:
        raise InvalidRequestError("Missing token parameter.")
    return {}, json.dumps(introspection.of(request.token, request.client)), 200


def _known(uri: str, method: str, body: str, headers: dict[str, str]) -> Request:
    """Return the request of an authenticated client, at an endpoint that oauthlib has not."""
    request = Request(uri, method, body, headers)
    if not _server.request_validator.authenticate_client(request):
        raise InvalidClientError
    return request


def _proven(request: Request, path: str) -> str:
    """Return the thumbprint of the key that the client proved to hold; "" without a proof."""
    proof = request.headers.get("DPoP")
    if proof is None:
        return ""
    return proofs.check(proof, method="POST", url=settings.ORIGIN + path)


def _told(headers: Mapping[str, str], body: str, status: int) -> Answer:
    """Leave the error and its sentence; oauthlib would repeat the caller's `state`."""
    error = json.loads(body)
    sentence = DESCRIPTIONS.get(error["error"]) or error.get("error_description")
    told = {"error": error["error"], **({"error_description": sentence} if sentence else {})}
    return headers, json.dumps(told), status


def _authenticated(request: Request) -> Client:
    if request.duplicate_params:
        raise InvalidRequestError("A parameter stands there twice.")
    # A second, weaker method beside the assertion is refused, not ignored (RFC 6749, 2.3).
    if request.client_secret or "Authorization" in request.headers:
        raise AssertionRefused(Reason.OTHER_METHOD)
    given = dict(request.decoded_body or ())
    if not given.get("client_assertion") or given.get("client_assertion_type") != ASSERTION_TYPE:
        raise AssertionRefused(Reason.MISSING)
    return clients.authenticate(
        given["client_assertion"],
        named=request.client_id,
        issuer=settings.ORIGIN,
        now=timezone.now(),
        settling=_settles(request, given),
    )


def _settles(request: Request, form: Mapping[str, str]) -> bool:
    """Return whether this asks for a token that names the client and nothing else.

    Such a token settles obligations, which a suspended partner still has to; what else it is shown
    for is refused there. Whatever leads to a customer is refused here.
    """
    return (
        request.uri == settings.ORIGIN + "/oauth/token"
        and form.get("grant_type") == "client_credentials"
        and "grant_id" not in form
    )


class Server(TokenEndpoint, RevocationEndpoint):  # type: ignore[misc]
    """oauthlib's two endpoints that fit; PAR, introspection and metadata are ours."""

    def __init__(self, validator: Validator) -> None:
        TokenEndpoint.__init__(
            self,
            default_grant_type="client_credentials",
            default_token_type=grant_types.Tokens(),
            grant_types=grant_types.handlers(validator),
        )
        # A wrong hint must not end the search (RFC 7009, 2.1): both known hints are let through.
        RevocationEndpoint.__init__(
            self, validator, supported_token_types=["access_token", "refresh_token"]
        )


_server = Server(Validator())
