"""The browser's way: it comes with a pushed request, its owner decides, it goes back with a code.

Nothing here shows or decides anything: the portal's pages do, as for every other request.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from consent import requests
from consent.exceptions import LinkRefused
from consent.models import AccessRequest, AuthorizationCode, Grant, PushedRequest
from consent.oauth import pushing, redirects
from consent.oauth.exceptions import KnockRefused, Reason
from vault.models import Pod

CODE_LIFE = timedelta(seconds=60)  # FAPI 2.0, 5.3.2.1: at most
ENTROPY = 32  # bytes


def find(parameters: Mapping[str, str]) -> PushedRequest:
    """Return the pushed request that a browser came with; other parameters are not looked at.

    May be asked again until the owner has decided: browsers reload and preview (FAPI 2.0,
    5.3.2.2). Raises `KnockRefused`, which is told to the person and never to the client: before
    its request is known, nobody knows where to send a browser.
    """
    client_id, request_uri = parameters.get("client_id"), parameters.get("request_uri")
    if not client_id or not request_uri:
        raise _refused(Reason.FRONT_CHANNEL)
    known = PushedRequest.objects.select_related("client__partner", "request")
    pushed = known.filter(digest=pushing.digest(request_uri)).first()
    if pushed is None:
        raise _refused(Reason.REQUEST_URI)
    if pushed.client.client_id != client_id:
        raise _refused(Reason.REQUEST_URI_CLIENT)
    if pushed.expires_at <= timezone.now() or pushed.answered_at is not None:
        raise _refused(Reason.REQUEST_URI_OVER)
    if pushed.client.revoked_at is not None:
        raise _refused(Reason.CLIENT_REVOKED)
    if not pushed.client.partner.is_live:
        raise _refused(Reason.PARTNER_SUSPENDED)
    return pushed


def bring(asked: AccessRequest, pod: Pod) -> AccessRequest:
    """Put a pushed request before the owner who came with it; the first who does so has it.

    One that replaces a grant is for that grant's owner alone. Raises `LinkRefused`.
    """
    if asked.replaces is not None:
        theirs = Grant.objects.of(pod).filter(pk=asked.replaces, partner=asked.partner_id)
        if not theirs.exists():
            raise LinkRefused
    return requests.bind(asked, pod)


@transaction.atomic
def answer(pushed: PushedRequest) -> str:
    """Return where the browser goes now: back to the client, once, with a code or an error.

    The request is decided, or its time is over. Raises `KnockRefused` the second time.
    """
    waiting = PushedRequest.objects.filter(pk=pushed.pk, answered_at=None)
    if not waiting.update(answered_at=timezone.now()):
        raise _refused(Reason.ANSWERED)
    asked = AccessRequest.objects.get(pk=pushed.request_id)
    # RFC 9207: the issuer stands in every answer, so that a client of two servers tells them apart.
    said = {"state": pushed.state} if pushed.state else {}
    if asked.approved_at is not None:
        said = {"code": _code(pushed)} | said
    else:
        said = {"error": "access_denied"} | said
    return redirects.with_answer(pushed.redirect_uri, said | {"iss": settings.ORIGIN})


def can_go_back(asked: AccessRequest) -> bool:
    """Return whether a browser that came with this request can be sent back now."""
    over = requests.state(asked) != "pending"
    return over and PushedRequest.objects.filter(request=asked, answered_at=None).exists()


def _code(pushed: PushedRequest) -> str:
    value = secrets.token_urlsafe(ENTROPY)
    AuthorizationCode.objects.create(
        digest=hashlib.sha256(value.encode()).digest(),
        pushed=pushed,
        expires_at=timezone.now() + CODE_LIFE,
    )
    return value


def _refused(reason: Reason) -> KnockRefused:
    return KnockRefused("invalid_request", reason)
