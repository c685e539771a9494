"""Shapes a yes: the granted fields of each record, where it comes from, and what goes with it (6.6)."""

import hmac
from datetime import datetime
from typing import Any
from uuid import UUID

from consent.access import budgets, derived, opening
from consent.access.decision import Facts
from consent.access.facts import Gathered, WrappedKeys
from consent.access.orders import Confirmed, Order, SealedRecord
from keys.exceptions import KeyErased
from keys.keyring import keyring
from vault.categories import Category
from vault.derived import computing


def build(
    gathered: Gathered,
    order: Order,
    confirmed: Confirmed,
    *,
    asked: tuple[str, ...] | None,
    category: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the answer's body. Raises a `KeysError` for a record that does not open."""
    facts = gathered.facts
    keys = opening.category_keys(facts, gathered.keys) if confirmed.records else {}
    fields = asked or (facts.item.fields if facts.item else None)
    kind = derived.view(category)
    if kind is None:
        records = [
            _record(record, _key(keys, record), facts, category, fields)
            for record in confirmed.records
        ]
    else:
        records = _shown(kind, keys, facts, confirmed, fields=fields, now=now)
    return {
        "event": str(order.entry.event_id),
        "grant": _grant(facts, order, confirmed.used, now),
        "records": records,
        "has_more": confirmed.has_more,
    }


def _shown(
    kind: Category,
    keys: dict[int, bytes],
    facts: Facts,
    confirmed: Confirmed,
    *,
    fields: tuple[str, ...] | None,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return what a view shows: of each record, or one thing of all."""
    assert facts.pod is not None
    values = [
        opening.parsed(record, _key(keys, record), pod=facts.pod.id, category=kind.of)
        for record in confirmed.records
    ]
    key, complete = record_key(facts.partner.id), not confirmed.has_more
    if computing.is_aggregate(kind.compute):
        return [derived.of_all(kind, values, facts, fields, key=key, now=now, complete=complete)]
    return [
        _shaped(record, derived.of_each(kind, value, facts, fields, now), facts, kind.id)
        for record, value in zip(confirmed.records, values, strict=True)
    ]


def _key(keys: dict[int, bytes], record: SealedRecord) -> bytes:
    if record.key_version not in keys:
        raise KeyErased
    return keys[record.key_version]


def covers(keys: WrappedKeys, confirmed: Confirmed) -> bool:
    """Whether the wraps that were read open every record that was let through."""
    return all(record.key_version in keys.category for record in confirmed.records)


def _record(
    record: SealedRecord, key: bytes, facts: Facts, category: str, fields: tuple[str, ...] | None
) -> dict[str, Any]:
    assert facts.pod is not None
    data = opening.value(record, key, pod=facts.pod.id, category=category, fields=fields)
    return _shaped(record, data, facts, category)


def _shaped(record: SealedRecord, data: Any, facts: Facts, category: str) -> dict[str, Any]:
    return {
        "id": record_id(facts.partner.id, record.id),
        "category": category,
        "version": record.version,
        "data": data,
        "source": _source(record),
        "obtained_at": record.obtained_at,
    }


def _source(record: SealedRecord) -> dict[str, str]:
    if record.source == "partner":
        return {"kind": "partner", "name": record.source_name}
    return {"kind": record.source}


def _grant(facts: Facts, order: Order, used: int | None, now: datetime) -> dict[str, Any]:
    grant = facts.grant
    assert grant is not None
    return {
        "id": str(grant.id),
        "state": "live",
        "access_mode": grant.access_mode,
        "expires_at": grant.stops_at,
        "remaining": budgets.remaining(order.count, used),
        # Look only: nothing may be kept, so it is to be erased as soon as it was looked at.
        "erase_by": now if grant.access_mode == "look_only" else now + grant.retention,
    }


def record_id(partner: UUID, record: UUID) -> str:
    """Return this partner's own name of a record: two brands cannot compare theirs (5.6)."""
    return record_name(record_key(partner), record)


def record_key(partner: UUID) -> bytes:
    """Return what makes this partner's names of records its own; for whoever names many."""
    return keyring().secret(f"record-id:{partner}")


def record_name(key: bytes, record: UUID) -> str:
    """Return the name of a record under `record_key`."""
    return hmac.digest(key, record.bytes, "sha256")[:16].hex()
