"""Numbers for Prometheus, read from the tables when they are asked for.

Served by `manage.py metrics` on a port of its own, on loopback unless told otherwise: never by
the process that strangers talk to. No label names a person; brands stand under their ids.
"""

from collections.abc import Iterator

import redis
from django.conf import settings
from django.db import Error, connection
from prometheus_client.core import CollectorRegistry, GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.backoff import NoBackoff
from redis.retry import Retry

from audit.models import Pending
from consent.revocation import overview

_TOTALS = {
    "events": "events that no brand has accepted yet",
    "due": "of them those that could be sent now",
    "in_flight": "of them those that a worker holds",
    "untried": "due for more than a minute and never attempted",
    "escalated": "events whose schedule is over, or whose answer will not heal",
    "obligations": "obligations that are open",
    "unacknowledged": "obligations that a brand has not acknowledged for a day",
    "overdue": "obligations whose day is over",
}


class Queues(Collector):
    """What waits."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; where the database is away only that it is."""
        try:
            gauges = [*_gauges()]
        except Error:
            yield GaugeMetricFamily("vault_database_up", "whether the database answers", value=0)
        else:
            yield GaugeMetricFamily("vault_database_up", "whether the database answers", value=1)
            yield from gauges
        finally:
            connection.close()


class Cache(Collector):
    """Whether the cache answers: without it rates are counted by each process, proofs not at all."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield one gauge, where there is a cache."""
        if settings.CACHE_URL:
            text = "whether the cache answers"
            yield GaugeMetricFamily("vault_cache_up", text, value=_answers(settings.CACHE_URL))


def registry() -> CollectorRegistry:
    """Return what is served."""
    made = CollectorRegistry()
    made.register(Queues())
    made.register(Cache())
    return made


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as asked:
            return bool(asked.ping())
    except (redis.RedisError, OSError):
        return False


def _gauges() -> Iterator[GaugeMetricFamily]:
    seen = overview.totals()
    for name, text in _TOTALS.items():
        yield GaugeMetricFamily(f"vault_queue_{name}", text, value=getattr(seen, name))
    yield GaugeMetricFamily(
        "vault_queue_oldest_due_seconds",
        "age of the oldest event that could be sent",
        value=seen.oldest_due.total_seconds(),
    )
    yield GaugeMetricFamily(
        "vault_log_pending_entries",
        "entries that no checkpoint covers yet",
        value=Pending.objects.count(),
    )
    yield from _by_brand()


def _by_brand() -> Iterator[GaugeMetricFamily]:
    waiting = overview.by_partner()
    for name, text in (
        ("events", "events that this brand has not accepted"),
        ("unacknowledged", "obligations that this brand has not acknowledged for a day"),
        ("overdue", "obligations of this brand whose day is over"),
    ):
        family = GaugeMetricFamily(f"vault_brand_{name}", text, labels=["brand"])
        for one in waiting:
            family.add_metric([str(one.partner.pk)], getattr(one, name))
        yield family
