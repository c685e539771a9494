"""A brake on knocks that fail: so many per address and minute, then none is looked at.

Counted in the cache, for it guards nothing: without a cache the door is as safe, only busier.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from consent.oauth.exceptions import Reason
from consent.oauth.server import count_refusal

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
        count_refusal(Reason.TOO_MANY)
    return braked


def count_failure(address: str) -> None:
    """Count one failed knock; the first one opens the window."""
    try:
        if not cache.add(_key(address), 1, timeout=WINDOW.total_seconds()):
            cache.incr(_key(address))
    except ValueError:
        pass  # the window closed between the two calls
    except (RedisError, OSError):
        log.warning("oauth.limit_away")


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
