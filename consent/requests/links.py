"""Request links: eight characters that lead one person, the first who opens it, to a request (3.3)."""

import base64
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import digests, entries, profiles
from consent.actors import Actor
from consent.exceptions import LinkRefused
from consent.models import AccessRequest, LinkTry, RequestLink
from vault.models import Pod

LENGTH = 8
# Crockford's base 32: no letter that looks like a digit, and what looks alike is read alike.
_STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WRITTEN = str.maketrans(_STANDARD, _ALPHABET)
_READ_ALIKE = str.maketrans("OILU", "011V")


def make(request: AccessRequest) -> str:
    """Give a request its link and return the code. Only its keyed hash is stored."""
    attempt = 0
    while RequestLink.objects.filter(code_digest=_digest(code := _code(request, attempt))).exists():
        attempt += 1
    RequestLink.objects.create(
        request=request,
        code_digest=_digest(code),
        expires_at=request.asked_at + profiles.length("request_link"),
    )
    return code


def code_of(request: AccessRequest) -> str | None:
    """Return the code of a request's link again, for a partner that repeats its call; None without.

    Codes are made from the request's id and a secret in the keyring, so none is stored.
    """
    link = RequestLink.objects.filter(request=request).first()
    if link is None:
        return None
    codes = (_code(request, attempt) for attempt in range(100))
    return next(code for code in codes if _digest(code) == bytes(link.code_digest))


def open_link(
    code: str, address: str, *, pod: Pod | None = None, now: datetime | None = None
) -> AccessRequest:
    """Return the request that a code leads to.

    Once it belongs to somebody, it opens for their `pod` alone. Five wrong codes per address
    and hour, then every code is refused there until the hour is over. Raises `LinkRefused`.
    """
    now = now or timezone.now()
    digest, hour = digests.keyed("link-address", address), _hour(now)
    # Counted before the look: a hundred guesses at once are a hundred.
    if _count(digest, hour) > profiles.limit("link_tries_per_hour"):
        raise LinkRefused
    link = (
        RequestLink.objects.filter(code_digest=_digest(_normal(code)), expires_at__gt=now)
        .select_related("request")
        .first()
    )
    if link is None or not _opens_for(link.request, pod):
        raise LinkRefused
    _uncount(digest, hour)
    return link.request


@transaction.atomic
def bind(request: AccessRequest, pod: Pod) -> AccessRequest:
    """Give a request to the first who confirms it; for them, twice is once.

    Raises `LinkRefused` for anybody after them, and when the time is over.
    """
    unbound = AccessRequest.objects.waiting().filter(reach=AccessRequest.Reach.LINK, pod=None)
    if unbound.filter(pk=request.pk).update(pod=pod):
        RequestLink.objects.filter(request=request).update(bound_at=timezone.now())
        bound = AccessRequest.objects.select_related("pod__owner").get(pk=request.pk)
        actor = Actor.owner(pod.owner)
        log.append(entries.of_request(EntryType.REQUEST_BOUND, bound, actor))
        return bound
    bound = AccessRequest.objects.select_related("pod__owner").get(pk=request.pk)
    if bound.pod_id != pod.pk or bound.reach != AccessRequest.Reach.LINK:
        raise LinkRefused
    return bound


def forget_tries(now: datetime | None = None) -> int:
    """Delete the counts of hours that are over; return how many."""
    return LinkTry.objects.filter(hour__lt=_hour(now or timezone.now())).delete()[0]


def _opens_for(request: AccessRequest, pod: Pod | None) -> bool:
    return request.pod_id is None or (pod is not None and request.pod_id == pod.pk)


def _count(digest: bytes, hour: datetime) -> int:
    mine = LinkTry.objects.filter(address_digest=digest, hour=hour)
    if not mine.update(tries=F("tries") + 1):
        try:
            with transaction.atomic():
                LinkTry.objects.create(address_digest=digest, hour=hour, tries=1)
        except IntegrityError:
            mine.update(tries=F("tries") + 1)
    return mine.values_list("tries", flat=True).get()


def _uncount(digest: bytes, hour: datetime) -> None:
    tried = LinkTry.objects.filter(address_digest=digest, hour=hour, tries__gt=0)
    tried.update(tries=F("tries") - 1)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _code(request: AccessRequest, attempt: int) -> str:
    raw = digests.keyed("link-code", request.pk.bytes, str(attempt))
    return base64.b32encode(raw).decode()[:LENGTH].translate(_WRITTEN)


def _normal(code: str) -> str:
    kept = "".join(c for c in code.upper()[:64] if c.isalnum())
    return kept.translate(_READ_ALIKE)


def _digest(code: str) -> bytes:
    return digests.keyed("link", code)
