"""Confirms a yes under locks, counts it, writes its entry and hands out the sealed records.

On PostgreSQL all of that is one autocommit statement, so no lock is ever held while Python
runs. Its order is what makes it right:

1. `locked` locks the partner's and the grant's row FOR SHARE, where both epochs are still
   those that were decided on. After a wait PostgreSQL re-checks exactly these two rows, which
   is why everything that can change an answer must raise one of the two epochs.
2. `fresh` asks the clock after the locks were got: an expiry that fell into the wait counts.
3. `counted` counts the budget, only below its maximum.
4. The entry, its detail and its pending mark are written; then the records are read.

No row comes back: something changed meanwhile, and the caller decides again.
"""

from typing import Any

from django.db import connection

from consent.access import guard_sqlite
from consent.access.orders import MOST_RECORDS, Confirmed, Order, confirmed
from consent.access.statements import fetch_all

LOCKED = """
WITH locked AS MATERIALIZED (
  SELECT g.id, least(g.expires_at, g.bound_ends_at, %(token_expires_at)s::timestamptz) AS stops_at
    FROM consent_partner p JOIN consent_grant g ON g.partner_id = p.id
   WHERE p.id = %(partner)s AND p.epoch = %(partner_epoch)s
     AND g.id = %(grant)s AND g.epoch = %(epoch)s
     FOR SHARE OF p, g
), fresh AS MATERIALIZED (
  SELECT id FROM locked WHERE clock_timestamp() < stops_at
)"""
_RECORDS = """, found AS MATERIALIZED (
  SELECT r.id, r.version, r.key_version, r.source, r.source_partner, r.source_name,
         r.obtained_at, r.occurred_at, r.sealed
    FROM vault_record r, fresh
   WHERE r.pod_id = %(pod)s AND r.category = %(category)s AND r.hidden_at IS NULL
     AND (%(since)s::timestamptz IS NULL OR coalesce(r.occurred_at, r.obtained_at) >= %(since)s::timestamptz)
     AND (%(until)s::timestamptz IS NULL OR coalesce(r.occurred_at, r.obtained_at) < %(until)s::timestamptz)
   ORDER BY r.obtained_at DESC, r.id LIMIT %(limit)s
)"""
COUNTED = """, counted AS (
  INSERT INTO consent_grantuse AS x (grant_id, bucket, used)
  SELECT id, %(bucket)s::text, 1 FROM fresh
  ON CONFLICT (grant_id, bucket) DO UPDATE SET used = x.used + 1 WHERE x.used < %(most)s
  RETURNING grant_id AS id, used
)"""
# Ordered by key, as the lock order asks: two reads of overlapping records must not cross.
COUNTED_EACH = """, counted_each AS (
  INSERT INTO consent_grantuse AS x (grant_id, bucket, used)
  SELECT fresh.id, 'record:' || found.id::text, 1 FROM fresh, found ORDER BY 2
  ON CONFLICT (grant_id, bucket) DO UPDATE SET used = x.used + 1 WHERE x.used < %(most)s
  RETURNING grant_id AS id, bucket
), counted AS (
  -- No record at all is an answer too; every record spent is none.
  SELECT id FROM fresh WHERE EXISTS (SELECT 1 FROM counted_each) OR NOT EXISTS (SELECT 1 FROM found)
), served AS (
  SELECT found.* FROM found JOIN counted_each e ON e.bucket = 'record:' || found.id::text
)"""
ENTRY = """, entered AS (
  INSERT INTO audit_entry (event_id, type, leaf, leaf_hash)
  SELECT %(event_id)s, 'record.read', %(leaf)s, %(leaf_hash)s FROM {allowed} RETURNING seq
), pending AS (
  INSERT INTO audit_pending (seq) SELECT seq FROM entered
), detail AS (
  INSERT INTO audit_detail (seq, person, grant_ref, type, at, sealed)
  SELECT seq, %(person)s, %(grant_ref)s, 'record.read', %(at)s, %(detail)s FROM entered
)"""
_REPEATABLE = """, repeatable AS (
  INSERT INTO consent_spentrepeat
         (client, idempotency_key, body_digest, grant_id, epoch, event_id, versions, repeats, made_at)
  SELECT %(client)s, %(key)s, %(body_digest)s, %(grant)s, %(epoch)s, %(event_id)s,
         (SELECT coalesce(jsonb_agg(jsonb_build_array(id, version)), '[]') FROM {records}), 0, %(at)s
    FROM entered
)"""
ANSWER = """
SELECT (SELECT size FROM audit_logstate LIMIT 1), {used}, r.*
  FROM entered LEFT JOIN {records} r ON true
 ORDER BY r.obtained_at DESC, r.id"""


def _statement(*, count: str, repeatable: bool) -> str:
    records = "served" if count == "each" else "found"
    used = "(SELECT used FROM counted)" if count == "one" else "NULL"
    parts = [LOCKED, _RECORDS]
    if count:
        parts.append(COUNTED_EACH if count == "each" else COUNTED)
    parts.append(ENTRY.format(allowed="counted" if count else "fresh"))
    if repeatable:
        parts.append(_REPEATABLE.format(records=records))
    return "".join((*parts, ANSWER.format(records=records, used=used)))


# Built once: the text is the key under which the server keeps the plan.
_STATEMENTS = {
    (count, repeatable): _statement(count=count, repeatable=repeatable)
    for count in ("", "one", "each")
    for repeatable in (False, True)
}


def confirm(order: Order) -> Confirmed | None:
    """Confirm one read, or return None where the answer may have changed: decide again.

    Raises django.db.IntegrityError when another call with the same idempotency key won,
    OperationalError when a lock could not be had in time.
    """
    if connection.vendor == "sqlite":
        return guard_sqlite.confirm(order)
    kind = "" if order.count is None else "one" if order.count.bucket else "each"
    statement = _STATEMENTS[kind, order.repeatable is not None]
    rows = fetch_all(statement, parameters(order))
    return confirmed(rows) if rows else None


def parameters(order: Order) -> dict[str, Any]:
    """Return the statement's values."""
    facts, entry = order.facts, order.entry
    grant, pod = facts.grant, facts.pod
    assert grant is not None and pod is not None  # a yes has both
    values: dict[str, Any] = {
        "partner": facts.partner.id, "partner_epoch": facts.partner.epoch,
        "grant": grant.id, "epoch": grant.epoch, "grant_ref": grant.ref,
        "token_expires_at": facts.client.token_expires_at,
        "pod": pod.id, "person": pod.person, "category": order.category,
        "since": order.window.since, "until": order.window.until, "limit": MOST_RECORDS + 1,
        "event_id": entry.event_id, "leaf": entry.leaf, "leaf_hash": entry.leaf_hash,
        "at": entry.at, "detail": entry.detail,
    }  # fmt: skip
    if order.count:
        values |= {"bucket": order.count.bucket, "most": order.count.most}
    if order.repeatable:
        values |= {
            "client": facts.client.id, "key": order.repeatable.key,
            "body_digest": order.repeatable.body_digest,
        }  # fmt: skip
    return values
