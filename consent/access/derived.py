"""Views in answers: what is computed from opened records instead of giving them."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from consent.access import ranges
from consent.access.decision import Facts, GrantFacts
from consent.access.orders import SealedRecord, Window
from vault import categories
from vault.categories import Category
from vault.derived import computing

Opened = tuple[SealedRecord, dict[str, Any]]


def view(category: str) -> Category | None:
    """Return the view of this name, if it is one."""
    return categories.views().get(category)


def window(category: str, grant: GrantFacts, now: datetime) -> Window:
    """Return the span of records to read: the granted one, or less where a view needs less."""
    granted = ranges.window(grant.data_range, grant.zone, now)
    kind = view(category)
    start = computing.since(kind.compute, now, grant.zone) if kind else None
    if start is None or (granted.since is not None and granted.since > start):
        return granted
    return Window(since=start, until=granted.until)


def of_each(
    kind: Category, value: dict[str, Any], facts: Facts, fields: Sequence[str] | None, now: datetime
) -> dict[str, Any]:
    """Return what the view shows of one record."""
    assert facts.grant is not None
    return _only(computing.of_one(kind.compute, value, now, facts.grant.zone), fields)


def of_all(
    kind: Category,
    values: Sequence[dict[str, Any]],
    facts: Facts,
    fields: Sequence[str] | None,
    *,
    key: bytes,
    now: datetime,
    complete: bool,
) -> dict[str, Any]:
    """Return the one record that the view makes of all; its name is this partner's, as any."""
    assert facts.grant is not None and facts.pod is not None
    shown = computing.of_all(kind.compute, values, now, facts.grant.zone, complete=complete)
    name = hmac.digest(key, facts.pod.id.bytes + kind.id.encode(), "sha256")[:16].hex()
    return {
        "id": name,
        "category": kind.id,
        "version": 1,
        "data": _only(shown, fields),
        "source": {"kind": "derived"},
        "obtained_at": now,
    }


def _only(shown: dict[str, Any], fields: Sequence[str] | None) -> dict[str, Any]:
    return shown if fields is None else {name: shown[name] for name in fields if name in shown}
