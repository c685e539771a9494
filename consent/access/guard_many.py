"""The guard for many reads of one client at once: the same steps, one statement, each by itself.

Grants are locked in the order of their ids, after the partner. A read whose grant changed, whose
budget is spent or for which there is no room in the answer gives no row; nothing is counted or
entered for it, and the others are not touched by that.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from consent.access import guard_sqlite
from consent.access.orders import MOST_RECORDS, Confirmed, Order, confirmed
from consent.access.statements import fetch_all

MOST_BYTES = 16 * 1024 * 1024  # sealed, in one answer; who comes after is asked for again

_STATEMENT = """
WITH asked AS MATERIALIZED (
  SELECT * FROM unnest(
         %(numbers)b::int[], %(grants)b::uuid[], %(epochs)b::int[], %(pods)b::uuid[],
         %(since)b::timestamptz[], %(until)b::timestamptz[], %(buckets)b::text[], %(most)b::int[],
         %(events)b::uuid[], %(leaves)b::bytea[], %(hashes)b::bytea[], %(persons)b::text[],
         %(grant_refs)b::text[], %(moments)b::timestamptz[], %(details)b::bytea[])
      AS a(n, grant_id, epoch, pod_id, since, until, bucket, most, event_id, leaf, leaf_hash,
           person, grant_ref, at, detail)
), locked AS MATERIALIZED (
  SELECT a.n, least(g.expires_at, g.bound_ends_at, %(token_expires_at)s::timestamptz) AS stops_at
    FROM consent_partner p
    JOIN asked a ON p.id = %(partner)s AND p.epoch = %(partner_epoch)s
    JOIN consent_grant g ON g.id = a.grant_id AND g.epoch = a.epoch AND g.partner_id = p.id
   ORDER BY g.id FOR SHARE OF p, g
), fresh AS MATERIALIZED (
  SELECT a.* FROM asked a JOIN locked l ON l.n = a.n WHERE clock_timestamp() < l.stops_at
), found AS MATERIALIZED (
  SELECT f.n, r.*
    FROM fresh f CROSS JOIN LATERAL (
         SELECT v.id, v.version, v.key_version, v.source, v.source_partner, v.source_name,
                v.obtained_at, v.occurred_at, v.sealed
           FROM vault_record v
          WHERE v.pod_id = f.pod_id AND v.category = %(category)s AND v.hidden_at IS NULL
            AND (f.since IS NULL OR coalesce(v.occurred_at, v.obtained_at) >= f.since)
            AND (f.until IS NULL OR coalesce(v.occurred_at, v.obtained_at) < f.until)
          ORDER BY v.obtained_at DESC, v.id LIMIT %(limit)s) r
), sizes AS (
  SELECT n, sum(octet_length(sealed)) AS size FROM found GROUP BY n
), before AS (
  SELECT n, sum(size) OVER (ORDER BY n) - size AS size FROM sizes
), fitting AS MATERIALIZED (
  SELECT f.* FROM fresh f LEFT JOIN before b ON b.n = f.n
   WHERE coalesce(b.size, 0) < %(room)s
), counted AS (
  INSERT INTO consent_grantuse AS x (grant_id, bucket, used)
  SELECT grant_id, bucket, 1 FROM fitting WHERE bucket IS NOT NULL ORDER BY grant_id, bucket
  ON CONFLICT (grant_id, bucket) DO UPDATE SET used = x.used + 1
   WHERE x.used < (SELECT min(a.most) FROM asked a
                    WHERE a.grant_id = x.grant_id AND a.bucket = x.bucket)
  RETURNING grant_id, used
), allowed AS MATERIALIZED (
  SELECT f.*, c.used, nextval(pg_get_serial_sequence('audit_entry', 'seq')) AS seq
    FROM fitting f LEFT JOIN counted c ON c.grant_id = f.grant_id
   WHERE f.bucket IS NULL OR c.grant_id IS NOT NULL
), entered AS (
  INSERT INTO audit_entry (seq, event_id, type, leaf, leaf_hash)
  SELECT seq, event_id, 'record.read', leaf, leaf_hash FROM allowed
), pending AS (
  INSERT INTO audit_pending (seq) SELECT seq FROM allowed
), detail AS (
  INSERT INTO audit_detail (seq, person, grant_ref, type, at, sealed)
  SELECT seq, person, grant_ref, 'record.read', at, detail FROM allowed
)
SELECT a.n, (SELECT size FROM audit_logstate LIMIT 1), a.used,
       r.id, r.version, r.key_version, r.source, r.source_partner, r.source_name,
       r.obtained_at, r.occurred_at, r.sealed
  FROM allowed a LEFT JOIN found r ON r.n = a.n
 ORDER BY a.n, r.obtained_at DESC, r.id"""


def confirm(orders: Sequence[Order], room: int = MOST_BYTES) -> list[Confirmed | None]:
    """Confirm reads of one client and one category; None where one is to be decided again.

    Those are confirmed that begin within `room` sealed bytes. On SQLite all are.
    No order counts each record or is repeatable: those go through `guard.confirm`. Raises
    django.db.OperationalError when a lock could not be had in time.
    """
    if not orders:
        return []
    if connection.vendor == "sqlite":
        with transaction.atomic():
            return [guard_sqlite.confirm(order) for order in orders]
    of_each: list[list[tuple[Any, ...]]] = [[] for _ in orders]
    for row in fetch_all(_STATEMENT, _parameters(orders, room)):
        of_each[row[0]].append(row[1:])
    return [confirmed(rows) if rows else None for rows in of_each]


def _parameters(orders: Sequence[Order], room: int) -> dict[str, Any]:
    known, entries = orders[0].facts, [order.entry for order in orders]
    grants = [order.facts.grant for order in orders if order.facts.grant]
    pods = [order.facts.pod for order in orders if order.facts.pod]
    counts = [order.count for order in orders]
    return {
        "partner": known.partner.id,
        "partner_epoch": known.partner.epoch,
        "token_expires_at": known.client.token_expires_at,
        "category": orders[0].category,
        "limit": MOST_RECORDS + 1,
        "room": room,
        "numbers": list(range(len(orders))),
        "grants": [grant.id for grant in grants],
        "epochs": [grant.epoch for grant in grants],
        "grant_refs": [grant.ref for grant in grants],
        "pods": [pod.id for pod in pods],
        "persons": [pod.person for pod in pods],
        "since": [order.window.since for order in orders],
        "until": [order.window.until for order in orders],
        "buckets": [count.bucket if count else None for count in counts],
        "most": [count.most if count else 0 for count in counts],
        "events": [entry.event_id for entry in entries],
        "leaves": [entry.leaf for entry in entries],
        "hashes": [entry.leaf_hash for entry in entries],
        "moments": [entry.at for entry in entries],
        "details": [entry.detail for entry in entries],
    }
