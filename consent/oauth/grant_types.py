"""The grant types that the token endpoint knows, as oauthlib calls them."""

from typing import Any

from django.conf import settings
from oauthlib.common import Request
from oauthlib.oauth2 import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    RefreshTokenGrant,
    RequestValidator,
)
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError
from oauthlib.oauth2.rfc6749.tokens import TokenBase

from consent.models import Client, Grant
from consent.oauth import details, pushing, redeeming, tokens
from consent.oauth.exceptions import KnockRefused, Reason
from consent.oauth.redeeming import Redeemed

KNOWN = frozenset({"client_credentials", "authorization_code", "refresh_token"})


class Code(AuthorizationCodeGrant):  # type: ignore[misc]
    """Redeems a code. What is checked, and what a second use does, stands in `redeeming.redeem`."""

    def validate_token_request(self, request: Request) -> None:
        """Authenticate, then redeem: codes are spent by looking at them, in one transaction."""
        _authenticated(self, request, "code")
        request.redeemed = redeeming.redeem(
            request.client,
            request.code,
            verifier=request.code_verifier,
            redirect_uri=request.redirect_uri,
            jkt=request.jkt,
        )


class Refresh(RefreshTokenGrant):  # type: ignore[misc]
    """Gets a new access token. The refresh token stays."""

    def validate_token_request(self, request: Request) -> None:
        """Authenticate, then look."""
        _authenticated(self, request, "refresh_token")
        request.redeemed = redeeming.refresh(request.client, request.refresh_token, jkt=request.jkt)


class Tokens(TokenBase):  # type: ignore[misc]
    """Writes the answer of the token endpoint (RFC 6749, 5.1; RFC 9449, 5; RFC 9396, 7)."""

    def create_token(self, request: Request, **_: object) -> dict[str, Any]:
        """Return the answer to a request that was let through."""
        redeemed = getattr(request, "redeemed", None)
        if redeemed is None:
            redeemed = _by_itself(request)
        told: dict[str, Any] = {
            "access_token": redeemed.access_token,
            "token_type": "DPoP" if request.jkt else "Bearer",
            "expires_in": int(tokens.LIFE.total_seconds()),
        }
        if redeemed.refresh_token:
            told["refresh_token"] = redeemed.refresh_token
        if redeemed.grant is not None:
            location = settings.ORIGIN + pushing.API
            told["grant_id"] = str(redeemed.grant.pk)
            told["authorization_details"] = details.of_grant(redeemed.grant, location)
        return told


def handlers(validator: RequestValidator) -> dict[str, Any]:
    """Return who answers for which grant type."""
    return {
        "client_credentials": ClientCredentialsGrant(validator),
        "authorization_code": Code(validator),
        "refresh_token": Refresh(validator),
    }


def _authenticated(handler: Any, request: Request, parameter: str) -> None:
    if not getattr(request, parameter):
        raise InvalidRequestError(f"Missing {parameter} parameter.")
    handler.validate_client_authentication(request)
    handler.validate_grant_type(request)
    if request.scope:
        raise InvalidScopeError
    _need_no_details(request)


def _by_itself(request: Request) -> Redeemed:
    """Issue a token to a client as itself, for one of its grants if it names one."""
    _need_no_details(request)
    client, wanted = request.client, dict(request.decoded_body).get("grant_id")
    grant = None if wanted is None else _own_grant(client, wanted)
    return Redeemed(access_token=tokens.issue(client, jkt=request.jkt, grant=grant), grant=grant)


def _own_grant(client: Client, wanted: str) -> Grant:
    grant = pushing.own_grant(client, wanted)
    if grant is None:
        raise KnockRefused("invalid_grant_id", Reason.GRANT_ID)
    return grant


def _need_no_details(request: Request) -> None:
    # What was granted is what there is; asking for a part of it here would promise what no read keeps.
    if "authorization_details" in dict(request.decoded_body):
        raise details.invalid("are asked for where a request is pushed")
