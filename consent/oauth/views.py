"""The OAuth endpoints. They answer in RFC 6749's JSON, never in RFC 9457's."""

import re
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from consent import knocks
from consent.oauth import jwks, limits, metadata, server
from consent.oauth.exceptions import Reason
from consent.oauth.server import Answer

FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 32 * 1024
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,256}=*)", re.IGNORECASE)


@csrf_exempt
@require_POST
@cache_control(no_store=True)
def token(request: HttpRequest) -> HttpResponse:
    """Give a client an access token."""
    return _answered(request, server.token)


@csrf_exempt
@require_POST
@cache_control(no_store=True)
def revoke(request: HttpRequest) -> HttpResponse:
    """End one of the caller's tokens; unknown ones are answered alike."""
    return _answered(request, server.revocation)


@csrf_exempt
@require_POST
@cache_control(no_store=True)
def push(request: HttpRequest) -> HttpResponse:
    """Take an authorization request before any browser moves."""
    return _answered(request, server.push)


@csrf_exempt
@require_POST
@cache_control(no_store=True)
def introspect(request: HttpRequest) -> HttpResponse:
    """Say what a token is good for."""
    return _answered(request, server.introspect)


@csrf_exempt
@require_POST
@cache_control(no_store=True)
def register(request: HttpRequest) -> HttpResponse:
    """Register a program of a partner."""
    is_json = request.content_type == "application/json"

    def answer(_form: str, headers: dict[str, str]) -> Answer:
        body = request.read(MOST_BYTES + 1) if is_json else b""
        return server.registration(_bearer(headers.get("Authorization", "")), body)

    return _answered(request, answer)


@require_safe
@cache_control(public=True, max_age=300)
def authorization_server(_request: HttpRequest) -> JsonResponse:
    """Serve the authorization server's metadata."""
    return JsonResponse(metadata.authorization_server())


@require_safe
@cache_control(public=True, max_age=300)
def protected_resource(_request: HttpRequest) -> JsonResponse:
    """Serve the partner API's metadata."""
    return JsonResponse(metadata.protected_resource())


@require_safe
@cache_control(public=True, max_age=300)
def jwk_set(_request: HttpRequest) -> HttpResponse:
    """Serve the public keys that sign our events."""
    return JsonResponse(jwks.public_set(), content_type="application/jwk-set+json")


def _answered(
    request: HttpRequest, answer: Callable[[str, dict[str, str]], Answer]
) -> HttpResponse:
    address = limits.address_of(request)
    if limits.is_braked(address):
        return _response(server.braked(limits.WINDOW))
    form = _form(request)
    if form is None:
        return _response(server.oversized(knocks.door_of(request), MOST_BYTES))
    headers, body, status = answer(form, _headers(request))
    if status == server.UNAUTHENTICATED and limits.count_failure(address):
        knocks.refuse(knocks.door_of(request), Reason.TOO_MANY)
    return _response((headers, body, status))


def _response(answer: Answer) -> HttpResponse:
    headers, body, status = answer
    return HttpResponse(
        body, status=status, headers={"Content-Type": "application/json"} | dict(headers)
    )


def _bearer(header: str) -> str | None:
    """Return the token of an Authorization header; None for anything else."""
    sent = _BEARER.fullmatch(header)
    return sent[1] if sent else None


def _form(request: HttpRequest) -> str | None:
    """Return the body, None if it is too large, or nothing where it is not a form.

    Of nothing oauthlib misses its parameters.
    """
    if request.content_type != FORM or request.META.get("QUERY_STRING"):
        return ""
    body = request.read(MOST_BYTES + 1)
    return body.decode("ascii", "replace") if len(body) <= MOST_BYTES else None


def _headers(request: HttpRequest) -> dict[str, str]:
    given: Any = request.headers
    return {name: given[name] for name in ("Authorization", "DPoP") if name in given}
