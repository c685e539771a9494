"""Opens what the guard handed out: generation → grant key → category key → record, never the pod key."""

from typing import Any
from uuid import UUID

import orjson

from consent.access.decision import Facts
from consent.access.facts import WrappedKeys
from consent.access.orders import SealedRecord
from keys import tree
from keys.exceptions import KeyErased
from vault import sealed


def category_keys(facts: Facts, keys: WrappedKeys) -> dict[int, bytes]:
    """Return the granted category's key in each version that the grant covers."""
    grant = facts.grant
    if grant is None or keys.grant is None:
        raise KeyErased
    grant_key = tree.open_key(
        "grant", keys.grant.id, keys.grant.generation, keys.grant.wrapped,
        ref=tree.grant_ref(grant.id),
    )  # fmt: skip
    return {
        version: tree.open_category_key(grant_key, keys.grant.id, key_id, version, wrapped)
        for version, (key_id, wrapped) in keys.category.items()
    }


def audit_key(facts: Facts, keys: WrappedKeys) -> bytes | None:
    """Return the person's audit key; None when there is no person in the facts."""
    if facts.pod is None or keys.audit is None:
        return None
    return tree.open_key(
        "audit", keys.audit.id, keys.audit.generation, keys.audit.wrapped,
        ref=tree.person_ref(facts.pod.person),
    )  # fmt: skip


def value(
    record: SealedRecord, key: bytes, *, pod: UUID, category: str, fields: tuple[str, ...] | None
) -> Any:
    """Return the record's value as it goes into the answer, cut to its top-level `fields`.

    Uncut, it is not even parsed: what was sealed is JSON already.
    """
    place = sealed.Place(pod, category, record.id, record.version)
    whole = sealed.open_bytes(key, place, record.sealed)
    if fields is None:
        return orjson.Fragment(whole)
    inside = orjson.loads(whole)
    return {name: inside[name] for name in fields if name in inside}


def parsed(record: SealedRecord, key: bytes, *, pod: UUID, category: str) -> dict[str, Any]:
    """Return the record's whole value, for what is computed from it."""
    place = sealed.Place(pod, category, record.id, record.version)
    value: dict[str, Any] = orjson.loads(sealed.open_bytes(key, place, record.sealed))
    return value
