"""Which proofs were shown before: the one place where the cache guards anything.

With Redis a proof counts once, whichever process sees it. In the first run one web process holds
them in its memory. When the store is away nothing that needs a proof is answered.
"""

from django.core.cache import cache
from redis.exceptions import RedisError

from consent.oauth.exceptions import SeenStoreAway

# Longer than a proof is accepted, from the earliest to the latest moment (`proofs.PAST`, `AHEAD`).
KEPT = 120  # seconds


def is_first(key: str) -> bool:
    """Remember `key` and return whether nobody did before. Raises `SeenStoreAway`."""
    try:
        return bool(cache.add(f"dpop:{key}", 1, timeout=KEPT))
    except (RedisError, OSError):
        raise SeenStoreAway from None
