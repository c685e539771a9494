"""Tells of knocks that were refused: the operator at once, the log by their code."""

import structlog
from prometheus_client import Counter

from consent import knocks
from consent.models import Client
from consent.oauth.exceptions import Reason

log = structlog.get_logger(__name__)
REFUSED = Counter("vault_oauth_refused", "Knocks that were not answered, by reason.", ["reason"])


def count(reason: Reason) -> None:
    """Tell the operator, by code only: what was sent may hold anything."""
    REFUSED.labels(reason=reason.value).inc()
    log.info("oauth.refused", reason=reason.value)


def tell(door: str, reason: Reason, *, by: Client | None = None, entered: bool = False) -> None:
    """Tell the operator and, unless a rule entered it already, the log."""
    count(reason)
    if not entered:
        knocks.refuse(door, reason.value, by=by)
