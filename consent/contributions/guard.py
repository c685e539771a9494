"""Puts sealed items into their pods, under locks, where what was decided still holds.

On PostgreSQL two statements in one transaction, sent one right after the other with everything
made before, so that no lock is held while Python works:

1. `_LOCK` locks, in the one order, the pods against whoever changes their keys, the partner,
   and the grants by id, all shared.
2. `_PUT` begins after the locks were got, so it sees what was committed during the wait. Groups
   whose epochs, clock or newest key are no longer those that were sealed for bring nothing in.
   Each item of the others goes in whole: contribution, record, entry, detail and pending mark.

An item whose key was used already is left out: the first one counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from audit import anchor
from consent.access.statements import fetch_all
from consent.contributions import guard_sqlite
from consent.contributions.groups import Group, Sealed

_LOCK = """
WITH pods AS MATERIALIZED (
  SELECT id FROM vault_pod WHERE id = ANY(%(pods)s) ORDER BY id FOR SHARE
), partner AS MATERIALIZED (
  SELECT id FROM consent_partner
   WHERE id = %(partner)s AND (SELECT count(*) FROM pods) >= 0 FOR SHARE
)
SELECT id FROM consent_grant
 WHERE id = ANY(%(grants)s) AND (SELECT count(*) FROM partner) >= 0 ORDER BY id FOR SHARE
"""
_PUT = """
WITH groups AS MATERIALIZED (
  SELECT x.* FROM unnest(%(numbers)b::int[], %(group_grants)b::uuid[], %(epochs)b::int[],
                         %(group_pods)b::uuid[], %(categories)b::text[], %(versions)b::int[],
                         %(persons)b::text[], %(grant_refs)b::text[])
         AS x(number, grant_id, epoch, pod_id, category, key_version, person, grant_ref)
), fresh AS MATERIALIZED (
  SELECT x.* FROM groups x
    JOIN consent_partner p ON p.id = %(partner)s AND p.epoch = %(partner_epoch)s
    JOIN consent_grant g ON g.id = x.grant_id AND g.partner_id = p.id AND g.epoch = x.epoch
   WHERE clock_timestamp() < least(g.expires_at, g.bound_ends_at, %(token_expires_at)s::timestamptz)
     AND x.key_version = (SELECT max(k.version) FROM keys_categorykey k
                           WHERE k.pod = x.pod_id AND k.category = x.category)
), items AS MATERIALIZED (
  SELECT i.*, f.grant_id, f.pod_id, f.category, f.key_version, f.person, f.grant_ref
    FROM unnest(%(item_groups)b::int[], %(keys)b::text[], %(digests)b::bytea[],
                %(named)b::text[], %(records)b::uuid[], %(occurred)b::timestamptz[],
                %(sealed)b::bytea[], %(events)b::uuid[], %(leaves)b::bytea[], %(hashes)b::bytea[],
                %(moments)b::timestamptz[], %(details)b::bytea[])
         AS i(number, key, digest, named, record_id, occurred_at, sealed, event_id, leaf,
              leaf_hash, at, detail)
    JOIN fresh f ON f.number = i.number
), taken AS (
  INSERT INTO consent_contribution
         (id, client_id, grant_id, idempotency_key, body_digest, category, records, event_id, made_at)
  SELECT event_id, %(client)s, grant_id, key, digest, category, named::jsonb, event_id, %(now)s
    FROM items ORDER BY key
  ON CONFLICT (client_id, idempotency_key) DO NOTHING
  RETURNING event_id
), put AS MATERIALIZED (
  SELECT i.*, nextval(pg_get_serial_sequence('audit_entry', 'seq')) AS seq
    FROM items i JOIN taken t ON t.event_id = i.event_id
), stored AS (
  INSERT INTO vault_record
         (id, pod_id, category, version, key_version, source, source_partner, source_name,
          obtained_at, changed_at, occurred_at, hidden_at, disputes, sealed)
  SELECT record_id, pod_id, category, 1, key_version, 'partner', %(partner)s::uuid::text,
         %(name)s::text, %(now)s, %(now)s, occurred_at, NULL, NULL, sealed
    FROM put
), entered AS (
  INSERT INTO audit_entry (seq, event_id, type, leaf, leaf_hash)
  SELECT seq, event_id, 'record.contributed', leaf, leaf_hash FROM put
), pending AS (
  INSERT INTO audit_pending (seq) SELECT seq FROM put
), detail AS (
  INSERT INTO audit_detail (seq, person, grant_ref, type, at, sealed)
  SELECT seq, person, grant_ref, 'record.contributed', at, detail FROM put WHERE detail IS NOT NULL
)
SELECT (SELECT size FROM audit_logstate LIMIT 1),
       ARRAY(SELECT number FROM fresh), ARRAY(SELECT event_id FROM taken)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Sealed items of one client, and for whom they are taken."""

    items: Sequence[Sealed]
    source_name: str  # the partner's legal name
    named: Sequence[str]  # the records as this partner knows them
    now: datetime


@dataclass(frozen=True, slots=True)
class Put:
    """What went in, by event; and the groups that were still as decided."""

    events: frozenset[UUID]
    fresh: list[Group]


def put(batch: Batch) -> Put:
    """Put what still may go in, all of it in one transaction. Raises LogShrank, django.db's errors."""
    groups = list({id(item.group): item.group for item in batch.items}.values())
    anchor.need_whole()
    if connection.vendor == "sqlite":
        size, fresh, events = guard_sqlite.put(
            batch.items, groups, batch.named, batch.source_name, batch.now
        )
    else:
        locks, values = _locks(groups), _values(batch, groups)
        with transaction.atomic():
            fetch_all(_LOCK, locks)
            ((size, fresh, events),) = fetch_all(_PUT, values)
    anchor.guard_size(size or 0)
    return Put(frozenset(events), [groups[number] for number in fresh])


def _locks(groups: Sequence[Group]) -> dict[str, Any]:
    return {
        "pods": sorted({_pod(group) for group in groups}),
        "partner": groups[0].facts.partner.id,
        "grants": sorted({_grant(group) for group in groups}),
    }


def _values(batch: Batch, groups: Sequence[Group]) -> dict[str, Any]:
    numbers = {id(group): number for number, group in enumerate(groups)}
    facts, items = groups[0].facts, batch.items
    return {
        "numbers": list(range(len(groups))),
        "group_grants": [_grant(group) for group in groups],
        "epochs": [group.facts.grant.epoch for group in groups if group.facts.grant],
        "group_pods": [_pod(group) for group in groups],
        "categories": [group.category.id for group in groups],
        "versions": [group.key.version for group in groups],
        "persons": [group.facts.pod.person for group in groups if group.facts.pod],
        "grant_refs": [group.facts.grant.ref for group in groups if group.facts.grant],
        "partner": facts.partner.id,
        "partner_epoch": facts.partner.epoch,
        "token_expires_at": facts.client.token_expires_at,
        "client": facts.client.id,
        "name": batch.source_name,
        "now": batch.now,
        "item_groups": [numbers[id(each.group)] for each in items],
        "keys": [each.item.key for each in items],
        "digests": [each.item.body_digest for each in items],
        "named": [orjson.dumps([name]).decode() for name in batch.named],
        "records": [each.record for each in items],
        "occurred": [each.occurred_at for each in items],
        "sealed": [each.sealed for each in items],
        "events": [each.entry.event_id for each in items],
        "leaves": [each.entry.leaf for each in items],
        "hashes": [each.entry.leaf_hash for each in items],
        "moments": [each.entry.at for each in items],
        "details": [each.entry.detail for each in items],
    }


def _pod(group: Group) -> UUID:
    assert group.facts.pod is not None  # a yes has one
    return group.facts.pod.id


def _grant(group: Group) -> UUID:
    assert group.facts.grant is not None
    return group.facts.grant.id
