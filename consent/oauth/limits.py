"""A brake on knocks that fail: so many per address and minute, then none is looked at.

Counted in the cache, for it guards nothing: without a cache the door is as safe, only busier.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from consent.oauth import refusals
from consent.oauth.exceptions import Reason

log = structlog.get_logger(__name__)
MOST_FAILURES = 60
WINDOW = timedelta(minutes=1)


def is_braked(address: str) -> bool:
    """Return whether this address has failed too often within the window."""
    try:
        braked = bool(cache.get(_key(address), 0) >= MOST_FAILURES)
    except (RedisError, OSError):
        return False
    if braked:
        # What a braked address sends costs no statement: the log holds that it was braked.
        refusals.count(Reason.TOO_MANY)
    return braked


def count_failure(address: str) -> bool:
    """Count one failed knock, the first of which opens the window; return whether it brakes."""
    try:
        if cache.add(_key(address), 1, timeout=WINDOW.total_seconds()):
            return False
        return bool(cache.incr(_key(address)) == MOST_FAILURES)
    except ValueError:
        return False  # the window closed between the two calls
    except (RedisError, OSError):
        log.warning("oauth.limit_away")
        return False


def address_of(request: HttpRequest) -> str:
    """Return who is calling, as seen by the outermost proxy that is ours.

    With `TRUSTED_PROXIES` = n the n-th entry from the right of X-Forwarded-For; what stands
    further left was written by the caller.
    """
    proxies = settings.TRUSTED_PROXIES
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    if proxies and len(forwarded) >= proxies and forwarded[-proxies]:
        return forwarded[-proxies][:64]
    return str(request.META.get("REMOTE_ADDR", ""))


def _key(address: str) -> str:
    return f"oauth-failures:{address}".replace(" ", "_")
