"""What a code and a refresh token are good for: tokens for one grant, once or as long as it lives.

A code that comes a second time was stolen, or its client is broken: everything that came from it
dies (RFC 9700, 4.2.4), and the partner's epoch with it, so that reads under way are decided again.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from consent import partners
from consent.models import AccessToken, AuthorizationCode, Client, Grant, Partner, RefreshToken
from consent.oauth import tokens
from consent.oauth.exceptions import KnockRefused, Reason

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """What goes out: values that nothing but their hash is kept of."""

    access_token: str
    grant: Grant | None = None
    refresh_token: str | None = None


def redeem(
    client: Client, code: str, *, verifier: str | None, redirect_uri: str | None, jkt: str
) -> Redeemed:
    """Turn a code into tokens, once. Raises `KnockRefused`."""
    found = _code(client, code)
    if found.used_at is not None:
        _kill_family(found.family, client, "code-reused")
        raise _invalid(Reason.CODE_REUSED)
    _check(found, verifier=verifier, redirect_uri=redirect_uri, jkt=jkt, now=timezone.now())
    grant = _live_grant(found.pushed.request.grant)
    redeemed = _spend(found, client, grant, jkt)
    if redeemed is None:
        # Two at once: the other one was first, and what it got dies now.
        _kill_family(found.family, client, "code-reused")
        raise _invalid(Reason.CODE_REUSED)
    return redeemed


@transaction.atomic
def refresh(client: Client, value: str, *, jkt: str) -> Redeemed:
    """Return a new access token; the refresh token stays as it is. Raises `KnockRefused`.

    It is the client's, who has just proved who it is; no proof binds it (RFC 9449, 5). So a client
    may change its key `jkt`, which only the new token is bound to.
    """
    # Held until the new token stands: whoever kills the family meanwhile waits, and kills it too.
    known = RefreshToken.objects.select_for_update(of=("self",)).select_related("grant")
    found = known.filter(digest=tokens.digest(value)).first()
    if found is None or found.killed_at is not None:
        raise _invalid(Reason.REFRESH)
    if found.client_id != client.pk:
        raise _invalid(Reason.REFRESH_CLIENT)
    grant = _live_grant(found.grant)
    access = tokens.issue(client, jkt=jkt, grant=grant, family=found.family)
    return Redeemed(access_token=access, grant=grant)


def kill_refresh(value: str, client: Client) -> bool:
    """End one of the client's own refresh tokens with all that came from it; return whether it was one."""
    mine = RefreshToken.objects.filter(digest=tokens.digest(value), client=client, killed_at=None)
    found = mine.first()
    if found is None:
        return False
    _kill_family(found.family, client, "token-killed")
    return True


def _code(client: Client, value: str) -> AuthorizationCode:
    known = AuthorizationCode.objects.select_related("pushed__request__grant")
    found = known.filter(digest=tokens.digest(value)).first()
    if found is None:
        raise _invalid(Reason.CODE)
    if found.pushed.client_id != client.pk:
        raise _invalid(Reason.CODE_CLIENT)
    return found


def _check(
    code: AuthorizationCode,
    *,
    verifier: str | None,
    redirect_uri: str | None,
    jkt: str,
    now: datetime,
) -> None:
    if code.expires_at <= now:
        raise _invalid(Reason.CODE_EXPIRED)
    if redirect_uri != code.pushed.redirect_uri:
        raise _invalid(Reason.CODE_REDIRECT)
    if not fits(verifier, code.pushed.code_challenge):
        raise _invalid(Reason.VERIFIER)
    if code.pushed.dpop_jkt and code.pushed.dpop_jkt != jkt:
        raise _invalid(Reason.CODE_KEY)


def fits(verifier: str | None, challenge: str) -> bool:
    """Return whether a verifier is the one of this challenge (RFC 7636, 4.6; S256 alone)."""
    if verifier is None or not _VERIFIER.fullmatch(verifier):
        return False
    hashed = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
    return hmac.compare_digest(made, challenge)


def _live_grant(grant: Grant) -> Grant:
    """Return the grant unless it is over. A pause is not told here: reads say so."""
    if grant.ended_at is not None or grant.stops_at <= timezone.now():
        raise _invalid(Reason.GRANT_OVER)
    return grant


@transaction.atomic
def _spend(code: AuthorizationCode, client: Client, grant: Grant, jkt: str) -> Redeemed | None:
    """Compare and set: of two at once one waits for the other and finds the code used."""
    unused = AuthorizationCode.objects.filter(pk=code.pk, used_at=None)
    if not unused.update(used_at=timezone.now()):
        return None
    value = secrets.token_urlsafe(tokens.ENTROPY)
    RefreshToken.objects.create(
        digest=tokens.digest(value), client=client, grant=grant, family=code.family
    )
    access = tokens.issue(client, jkt=jkt, grant=grant, family=code.family)
    return Redeemed(access_token=access, grant=grant, refresh_token=value)


@transaction.atomic
def _kill_family(family: UUID, client: Client, reason: str) -> None:
    """Kill every token of one code. Twice is once: then there is nothing left to kill."""
    # The partner's row first, as everywhere (lock order).
    partner: Partner = partners.lock(client.partner)
    now = timezone.now()
    alive = {"family": family, "killed_at": None}
    killed = RefreshToken.objects.filter(**alive).update(killed_at=now)
    killed += AccessToken.objects.filter(**alive, expires_at__gt=now).update(killed_at=now)
    if killed:
        partners.raise_epoch(partner, None, reason=reason, client=client)


def _invalid(reason: Reason) -> KnockRefused:
    return KnockRefused("invalid_grant", reason)
