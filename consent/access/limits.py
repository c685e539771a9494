"""How many calls a second one partner may make: a bucket of tokens, shared by all processes.

It keeps one partner from taking the vault's time from the others, and guards nothing else: while
the cache is away each process counts for itself. With Redis a process leases a few tokens at a
time, so most calls cost nothing.
"""

import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple
from uuid import UUID

import redis
import structlog
from django.conf import settings
from prometheus_client import Counter
from redis.backoff import NoBackoff
from redis.retry import Retry

from consent.exceptions import RateLimited

BURST = 2  # seconds' worth of calls that may come at once
log = structlog.get_logger(__name__)
AWAY = Counter("vault_rate_limit_away", "Calls that a process counted alone: the cache was away.")


class State(NamedTuple):
    """What is left in a partner's bucket, and what fills it."""

    rate: int  # tokens a second
    left: int

    def headers(self) -> dict[str, str]:
        """Return the headers that say so (draft-ietf-httpapi-ratelimit-headers)."""
        most = self.rate * BURST
        full = -(-(most - self.left) // self.rate)
        return {
            "RateLimit-Policy": f'"partner";q={most};w={BURST}',
            "RateLimit": f'"partner";r={self.left};t={full}',
        }


# Of the call that this thread answers; the door writes its headers.
_seen: ContextVar[State | None] = ContextVar("limit", default=None)


def take(partner: UUID, cost: int = 1) -> None:
    """Take a call's tokens. Raises `RateLimited`, which says when there will be enough again."""
    rate: int = settings.PARTNER_RATE
    # No call costs more than a full bucket, or it could never be made.
    wanted = min(cost, rate * BURST)
    left = _bucket().take(str(partner), wanted, rate)
    _seen.set(State(rate, max(left, 0)))
    if left < 0:
        raise RateLimited(after=-(left // rate), state=State(rate, 0).headers())


def headers() -> dict[str, str]:
    """Return what a yes to this call says about the caller's bucket, and forget it."""
    state = _seen.get()
    _seen.set(None)
    return {} if state is None else state.headers()


def forget() -> None:
    """Start with full buckets, as a new process would."""
    _bucket.cache_clear()


@dataclass(slots=True)
class _Level:
    tokens: float
    at: float


class _Here:
    """Buckets of this process."""

    def __init__(self) -> None:
        self._levels: dict[str, _Level] = {}
        self._lock = threading.Lock()

    def take(self, name: str, wanted: int, rate: int) -> int:
        """Return what is left after taking; below zero what is missing, and nothing is taken."""
        now, most = time.monotonic(), float(rate * BURST)
        with self._lock:
            level = self._levels.setdefault(name, _Level(most, now))
            level.tokens = min(most, level.tokens + (now - level.at) * rate)
            level.at = now
            if level.tokens < wanted:
                return int(level.tokens) - wanted
            level.tokens -= wanted
            return int(level.tokens)


# Tokens, and when they were counted, by the clock of Redis. Gives what is wanted, or only what is
# needed at once, or nothing.
_TAKE = """
local at = redis.call('TIME')
local now = at[1] + at[2] / 1000000
local rate, most, wanted, needed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(kept[1]) or most
tokens = math.min(most, tokens + math.max(0, now - (tonumber(kept[2]) or now)) * rate)
local given = 0
if tokens >= wanted then given = wanted elseif tokens >= needed then given = needed end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - given), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], 60000)
return {given, math.floor(tokens - given)}
"""


@dataclass(slots=True)
class _Lease:
    """Tokens that this process has taken from a bucket and not spent yet."""

    tokens: int
    beyond: int  # what the bucket still held when it was asked
    at: float


class _Shared:
    """Buckets in Redis. A process leases a few tokens at a time, so that few calls ask it.

    Leased tokens are gone from the bucket, and what is not spent within LIFE is lost: in any span all
    processes together spend at most what the bucket gave in it, and what each held before, which is
    never more than one lease. While Redis is away each process has buckets of its own.
    """

    # The part of a second's tokens that is leased. Lost, they are little beside the rate.
    LEASE = 20
    LIFE = 1.0
    TIMEOUT = 0.1  # seconds: a limit that guards nothing may not keep a call waiting
    REST = 1.0  # seconds in which Redis is not asked again after it did not answer

    def __init__(self, url: str) -> None:
        once = Retry(NoBackoff(), 0)
        connection = redis.Redis.from_url(url, socket_timeout=self.TIMEOUT, retry=once)
        self._script = connection.register_script(_TAKE)
        self._leases: dict[str, _Lease] = {}
        self._lock = threading.Lock()
        self._here = _Here()
        self._rests_until = 0.0

    def take(self, name: str, wanted: int, rate: int) -> int:
        """Do as `_Here.take` does, for all processes together."""
        now = time.monotonic()
        with self._lock:
            lease = self._leases.get(name)
            if lease is not None and now - lease.at < self.LIFE and lease.tokens >= wanted:
                lease.tokens -= wanted
                return lease.tokens + lease.beyond
        if now >= self._rests_until:
            try:
                return self._draw(name, wanted, rate, now)
            except (redis.RedisError, OSError):
                self._rests_until = time.monotonic() + self.REST
                log.warning("limits.cache_away")
        AWAY.inc()
        return self._here.take(name, wanted, rate)

    def _draw(self, name: str, wanted: int, rate: int, now: float) -> int:
        more = rate // self.LEASE
        arguments = [rate, rate * BURST, wanted + more, wanted]
        given, left = (int(n) for n in self._script([f"partner-rate:{name}"], arguments))
        if given < wanted:
            return left - wanted
        with self._lock:
            lease = self._leases.get(name)
            held = lease.tokens if lease is not None and now - lease.at < self.LIFE else 0
            # Several threads may have asked at once: more than one lease is not kept.
            kept = min(held + given - wanted, more)
            self._leases[name] = _Lease(kept, left, now)
        return kept + left


@cache
def _bucket() -> _Here | _Shared:
    return _Shared(settings.CACHE_URL) if settings.CACHE_URL else _Here()
