"""Access tokens: random, short, stored as SHA-256 only. They say who calls and allow nothing."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from consent import partners
from consent.access.decision import is_answered
from consent.models import (
    AccessToken,
    Client,
    Grant,
    PushedRequest,
    RefreshToken,
    RegistrationToken,
    SeenAssertion,
)

LIFE = timedelta(minutes=5)
ENTROPY = 32  # bytes
CODES_KEPT = timedelta(hours=24)


def digest(value: str) -> bytes:
    """Return what the database knows of a token. 256 random bits need no slow hash."""
    return hashlib.sha256(value.encode()).digest()


def issue(
    client: Client, *, jkt: str = "", grant: Grant | None = None, family: UUID | None = None
) -> str:
    """Return a new token for an authenticated client, good for `LIFE`.

    Bound to the DPoP key `jkt` and narrowed to `grant` where these are given.
    """
    value = secrets.token_urlsafe(ENTROPY)
    AccessToken.objects.create(
        digest=digest(value),
        client=client,
        cnf_jkt=jkt,
        grant=grant,
        family=family,
        expires_at=timezone.now() + LIFE,
    )
    return value


def find(token_digest: bytes, *, settling: bool = False) -> AccessToken | None:
    """Return a live token with its client and partner, in one query; `None` for anything else.

    A revoked client's tokens are not live; nor are those of a suspended or deregistered partner,
    except in `settling` what it owes.
    """
    live = AccessToken.objects.filter(
        digest=token_digest,
        killed_at=None,
        expires_at__gt=timezone.now(),
        client__revoked_at=None,
    )
    found = live.select_related("client__partner", "grant").first()
    if found is None or not is_answered(found.client.partner, settling=settling):
        return None
    return found


@transaction.atomic
def kill(value: str, client: Client) -> None:
    """End one of the client's own tokens; unknown, foreign, expired and killed ones change nothing.

    Raises the partner's epoch in the same transaction, so that a read which is under way
    with this token is decided again and finds it dead.
    """
    mine = AccessToken.objects.filter(digest=digest(value), client=client)
    live = mine.filter(killed_at=None, expires_at__gt=timezone.now())
    if not live.exists():
        return
    # The partner's row first, as everywhere (lock order); then compare and set.
    partner = partners.lock(client.partner)
    if live.update(killed_at=timezone.now()):
        partners.raise_epoch(partner, None, reason="token-killed", client=client)


def purge(now: datetime) -> int:
    """Forget what can no longer be used: tokens, assertions, pushed requests with their codes.

    A code is remembered for a day, so that its second use is known for what it is.
    """
    over = Q(expires_at__lte=now)
    dead = Q(killed_at__isnull=False) | Q(grant__ended_at__isnull=False)
    gone = (
        AccessToken.objects.filter(over),
        SeenAssertion.objects.filter(over),
        RegistrationToken.objects.filter(over),
        PushedRequest.objects.filter(pushed_at__lte=now - CODES_KEPT),
        RefreshToken.objects.filter(dead),
    )
    return sum(each.delete()[0] for each in gone)
