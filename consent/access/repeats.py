"""The same call again with the same idempotency key: answered, logged, not counted (6.4)."""

from datetime import datetime, timedelta

from django.db import connection

from consent.access import guard, guard_sqlite
from consent.access.facts import FirstAnswer, Gathered
from consent.access.orders import Confirmed, Order, confirmed
from consent.access.statements import fetch_all
from consent.exceptions import AccessRefused, RepeatRefused

FOR = timedelta(minutes=10)
MOST = 3

# The first answer's versions of its records and no others, current or kept as history.
_FOUND = """, repeated AS (
  UPDATE consent_spentrepeat SET repeats = repeats + 1
   WHERE id = %(repeat)s AND repeats < %(most_repeats)s AND EXISTS (SELECT 1 FROM fresh)
  RETURNING grant_id AS id
), listed AS (
  SELECT (v->>0)::uuid AS id, (v->>1)::int AS version
    FROM consent_spentrepeat s, jsonb_array_elements(s.versions) v WHERE s.id = %(repeat)s
), found AS MATERIALIZED (
  SELECT r.id, l.version, coalesce(h.key_version, r.key_version) AS key_version, r.source,
         r.source_partner, r.source_name, r.obtained_at, r.occurred_at,
         coalesce(h.sealed, r.sealed) AS sealed
    FROM listed l JOIN vault_record r ON r.id = l.id AND r.hidden_at IS NULL
    LEFT JOIN vault_recordversion h
           ON h.record_id = r.id AND h.version = l.version AND l.version <> r.version
   WHERE l.version = r.version OR h.version IS NOT NULL
)"""
_STATEMENT = "".join(
    (
        guard.LOCKED,
        _FOUND,
        guard.ENTRY.format(allowed="repeated"),
        guard.ANSWER.format(records="found", used="NULL"),
    )
)


def judge(gathered: Gathered, body_digest: bytes, now: datetime) -> AccessRefused | None:
    """Return why this may not be answered as a repeat, or None."""
    first, grant = gathered.first, gathered.facts.grant
    assert first is not None and grant is not None
    same = first.body_digest == body_digest and (first.grant, first.epoch) == (
        grant.id,
        grant.epoch,
    )
    if not same or first.repeats >= MOST or now - first.made_at > FOR:
        return RepeatRefused()
    return None


def confirm(order: Order, first: FirstAnswer) -> Confirmed | None:
    """Confirm a repeat as `guard.confirm` confirms a read, without counting it."""
    if connection.vendor == "sqlite":
        return guard_sqlite.confirm_repeat(order, first.id, MOST)
    values = guard.parameters(order) | {"repeat": first.id, "most_repeats": MOST}
    rows = fetch_all(_STATEMENT, values)
    return confirmed(rows) if rows else None
