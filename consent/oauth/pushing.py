"""Pushed authorization requests (RFC 9126): a client says what it wants before any browser moves.

One table of pending requests stands behind both ways to a customer: what is pushed becomes an
`AccessRequest`, under the same rules as one that came by the API.
"""

import hashlib
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone, translation

from consent import requests
from consent.exceptions import (
    PartnerSuspended,
    RequestAgainstRule,
    RequestInvalid,
    RequestsBarred,
    TokenRefused,
)
from consent.models import AccessRequest, Client, Grant, PushedRequest
from consent.oauth import details
from consent.oauth.exceptions import AssertionRefused, KnockRefused, OAuthError, Reason

# FAPI 2.0 allows less than ten minutes; a browser follows its redirect within seconds.
LIFE = timedelta(seconds=90)
PREFIX = "urn:ietf:params:oauth:request_uri:"
# Data below level 2 travels with bearer tokens, and a code would hand such a token to a browser.
LEAST_LEVEL = 2
API = "/api/v1"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_STATE = re.compile(r"[\x20-\x7e]{0,512}")


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the client may send a browser with."""

    request_uri: str
    expires_in: int


def digest(request_uri: str) -> bytes:
    """Return what the database knows of a request_uri."""
    return hashlib.sha256(request_uri.encode()).digest()


def push(client: Client, form: Mapping[str, str], *, proof_jkt: str = "") -> Pushed:
    """Take an authorization request of an authenticated client.

    `proof_jkt` is the key of a DPoP proof that came with it. Raises `KnockRefused`; nothing was
    stored then.
    """
    _check(client, form)
    jkt = _key(form, proof_jkt)
    replaced = _replaced(client, form)
    body = details.parse(
        _needed(form, "authorization_details"), client.partner, settings.ORIGIN + API
    )
    value = PREFIX + secrets.token_urlsafe(32)
    # Not one transaction: what a rule refuses is entered in the log, and stays there. A request
    # that no browser can come with closes by its own clock.
    PushedRequest.objects.create(
        digest=digest(value),
        client=client,
        request=_submitted(client, body, replaced),
        redirect_uri=form["redirect_uri"],
        state=form.get("state", ""),
        code_challenge=form["code_challenge"],
        dpop_jkt=jkt,
        expires_at=timezone.now() + LIFE,
    )
    return Pushed(value, int(LIFE.total_seconds()))


def _check(client: Client, form: Mapping[str, str]) -> None:
    """Pass if everything but the details is as FAPI 2.0, 5.3.2.2 wants it."""
    if client.level < LEAST_LEVEL:
        raise KnockRefused("unauthorized_client", Reason.LEVEL, "This client is of level 1.")
    if "request" in form:
        raise KnockRefused("request_not_supported", Reason.REQUEST_OBJECT)
    if "request_uri" in form:
        raise _wrong(Reason.REQUEST_URI_SENT, "request_uri is what this endpoint makes.")
    if not form.get("client_id"):
        raise _wrong(Reason.CLIENT_MISSING, "client_id is missing.")
    if form.get("response_type") != "code":
        known = "response_type" in form
        error = "unsupported_response_type" if known else "invalid_request"
        raise KnockRefused(error, Reason.RESPONSE_TYPE, "response_type must be code.")
    if form.get("response_mode", "query") != "query":
        raise _wrong(Reason.RESPONSE_MODE, "response_mode must be query.")
    if form.get("redirect_uri") not in client.redirect_uris:
        raise _wrong(Reason.REDIRECT, "redirect_uri is not registered for this client.")
    if not _STATE.fullmatch(form.get("state", "")):
        raise _wrong(Reason.STATE, "state must be up to 512 printable ASCII characters.")
    _check_challenge(form)
    if form.get("scope"):
        raise KnockRefused("invalid_scope", Reason.SCOPE, "Ask with authorization_details.")
    if form.get("resource", settings.ORIGIN) not in {settings.ORIGIN, settings.ORIGIN + API}:
        raise KnockRefused("invalid_target", Reason.RESOURCE, "resource is not this vault.")


def _check_challenge(form: Mapping[str, str]) -> None:
    if not _CHALLENGE.fullmatch(form.get("code_challenge", "")):
        raise _wrong(Reason.CHALLENGE, "code_challenge must be 43 characters of base64url.")
    # Without a method it would be "plain" (RFC 7636, 4.3), which hides nothing.
    if form.get("code_challenge_method") != "S256":
        raise _wrong(Reason.CHALLENGE_METHOD, "code_challenge_method must be S256.")


def _key(form: Mapping[str, str], proof_jkt: str) -> str:
    """Return the thumbprint that the code is bound to (RFC 9449, 10.1); "" where none was said."""
    said = form.get("dpop_jkt", "")
    if said and not _CHALLENGE.fullmatch(said):
        raise _wrong(Reason.JKT, "dpop_jkt must be an RFC 7638 thumbprint.")
    if said and proof_jkt and said != proof_jkt:
        raise KnockRefused(
            "invalid_dpop_proof", Reason.JKT_MISMATCH, "dpop_jkt is not the key of the proof."
        )
    return said or proof_jkt


def _replaced(client: Client, form: Mapping[str, str]) -> Grant | None:
    """Return the grant that is to be replaced (grant management, 5.2); None for a new one."""
    action, grant_id = form.get("grant_management_action", "create"), form.get("grant_id")
    if action not in {"create", "replace"} or (action == "create" and grant_id is not None):
        raise _wrong(
            Reason.ACTION, "grant_management_action must be create, or replace a grant_id."
        )
    if action == "create":
        return None
    grant = own_grant(client, grant_id or "")
    if grant is None:
        raise KnockRefused("invalid_grant_id", Reason.GRANT_ID)
    return grant


def own_grant(client: Client, grant_id: str) -> Grant | None:
    """Return the partner's un-ended grant of this id; others' do not exist."""
    try:
        wanted = uuid.UUID(grant_id)
    except ValueError:
        return None
    return Grant.objects.unended().to(client.partner).filter(pk=wanted).first()


def _submitted(client: Client, body: Mapping[str, object], replaced: Grant | None) -> AccessRequest:
    if replaced is not None and replaced.purpose != body["purpose"]:
        raise details.invalid("the purpose is not that of the grant")
    action = "replace" if replaced else "create"
    key = f"push-{uuid.uuid4().hex}"
    try:
        with translation.override("en"):
            asked = requests.submit(
                client, {**body, "action": action}, idempotency_key=key, linked=False
            ).request
    except RequestAgainstRule as error:
        raise _entered(details.invalid(f"{error.rule}: {error}", Reason.RULE)) from None
    except RequestInvalid as error:
        pointer, what = error.problems[0]
        raise details.invalid(f"{pointer}: {what}") from None
    except RequestsBarred:
        raise _entered(KnockRefused("unauthorized_client", Reason.BARRED)) from None
    except TokenRefused:
        raise _entered(AssertionRefused(Reason.CLIENT_REVOKED)) from None
    except PartnerSuspended:
        raise _entered(AssertionRefused(Reason.PARTNER_SUSPENDED)) from None
    if replaced is not None:
        AccessRequest.objects.filter(pk=asked.pk).update(replaces=replaced.pk)
    return asked


def _entered(error: OAuthError) -> OAuthError:
    """Mark what the log holds already, with the rule that refused it."""
    error.entered = True
    return error


def _needed(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise details.invalid(f"{name} is missing")
    return form[name]


def _wrong(reason: Reason, what: str) -> KnockRefused:
    return KnockRefused("invalid_request", reason, what)
