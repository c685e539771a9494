"""Reads everything a decision needs in one query, without a lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from consent.access import columns
from consent.access.decision import (
    ClientFacts,
    Facts,
    GrantFacts,
    ItemFacts,
    PartnerFacts,
    PodFacts,
)
from consent.access.statements import fetch_all
from consent.exceptions import TokenRefused
from vault import categories
from vault.categories import Category

# One row a version of the category key; almost always one. The grant is the one for the stated
# purpose if there is one, else any of the pair, so that a wrong purpose is told from a stranger.
_COLUMNS = """
SELECT t.expires_at, t.killed_at,
       c.id, c.ref, c.level, c.revoked_at,
       p.id, p.ref, p.epoch, p.suspended_at, p.deregistered_at,
       g.id, g.ref, g.epoch, g.purpose, g.valid_from, g.expires_at, g.bound_ends_at, g.paused_at,
       g.suspended_at, g.ended_at, g.frequency, g.zone, g.data_range, g.access_mode, g.retention,
       g.key_id,
       i.id, i.fields, i.ended_at,
       d.id, d.ref, u.ref, d.paused_at, d.erased_at, d.audit_key_id,
       gk.generation, gk.wrapped, ak.generation, ak.wrapped,
       w.category_key, w.version, w.wrapped,
       s.id, s.body_digest, s.grant_id, s.epoch, s.event_id, s.versions, s.repeats, s.made_at,
       t.cnf_jkt, t.grant_id, c.client_id, c.sealing_key"""
_JOINS = """
  JOIN consent_client c ON c.id = t.client_id
  JOIN consent_partner p ON p.id = c.partner_id
  LEFT JOIN consent_grant g ON g.id = (
       SELECT n.id FROM consent_grant n
        WHERE n.partner_id = p.id AND n.pairwise = {subject}
        ORDER BY CASE WHEN n.purpose = {purpose} THEN 0 ELSE 1 END, n.given_at DESC LIMIT 1)
  LEFT JOIN consent_grantitem i ON i.grant_id = g.id AND i.category = {category} AND i.action = %s
  LEFT JOIN vault_pod d ON d.id = g.pod_id
  LEFT JOIN accounts_user u ON u.id = d.owner_id
  LEFT JOIN keys_key gk ON gk.id = g.key_id
  LEFT JOIN keys_key ak ON ak.id = d.audit_key_id
  LEFT JOIN keys_categorywrap w
         ON w.under = g.key_id AND w.category = {source} AND i.id IS NOT NULL
  LEFT JOIN consent_spentrepeat s ON s.client = c.id AND s.idempotency_key = {key}
 WHERE t.digest = %s
"""
_QUERY = "".join(
    (
        _COLUMNS,
        "\n  FROM consent_accesstoken t",
        _JOINS.format(subject="%s", purpose="%s", category="%s", source="%s", key="%s"),
    )
)
# The same for many at once. The last column says for which.
_QUERY_MANY = "".join(
    (
        _COLUMNS,
        ", a.n\n  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])"
        " WITH ORDINALITY AS a(subject, purpose, category, source, idempotency_key, n)"
        " CROSS JOIN consent_accesstoken t",
        _JOINS.format(
            subject="a.subject",
            purpose="a.purpose",
            category="a.category",
            source="a.source",
            key="a.idempotency_key",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key as it lies in the database."""

    id: UUID
    generation: str
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """The path from the generation to the records: grant key → category key, a version each."""

    grant: WrappedKey | None
    audit: WrappedKey | None
    category: dict[
        int, tuple[UUID, bytes]
    ]  # version → category key id, wrapped under the grant key


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """The counted read that this call may be repeating (6.4)."""

    id: int
    body_digest: bytes
    grant: UUID
    epoch: int
    event_id: UUID
    versions: list[tuple[str, int]]
    repeats: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts, and what was read beside them: wrapped keys, an earlier answer to the same key."""

    token_digest: bytes
    facts: Facts
    keys: WrappedKeys
    first: FirstAnswer | None


def gather(
    token_digest: bytes,
    *,
    subject: str,
    purpose: str,
    category: str,
    action: str,
    idempotency_key: str | None = None,
) -> Gathered:
    """Return the facts of a call. Raises `TokenRefused` when there is no such token."""
    known = categories.find(category)
    source = known.source if known else category
    values = [subject, purpose, category, action, source, idempotency_key, token_digest]
    rows = fetch_all(_QUERY, values)
    if not rows:
        raise TokenRefused
    return _read(token_digest, rows, known.classes if known else None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call is about, as far as the facts depend on it."""

    subject: str
    purpose: str
    category: str
    idempotency_key: str | None = None


def gather_many(token_digest: bytes, asked: Sequence[Asked], *, action: str) -> list[Gathered]:
    """Return the facts of many calls of one client, in their order, with one query.

    Raises `TokenRefused` when there is no such token.
    """
    if not asked:
        return []
    if connection.vendor != "postgresql":
        return [_gather_one(token_digest, each, action) for each in asked]
    known = {name: categories.find(name) for name in {one.category for one in asked}}
    columns_ = zip(*(_row_of(one, known[one.category]) for one in asked), strict=True)
    rows = fetch_all(_QUERY_MANY, [*map(list, columns_), action, token_digest])
    if not rows:
        raise TokenRefused
    of_each: list[list[tuple[Any, ...]]] = [[] for _ in asked]
    for row in rows:
        of_each[row[-1] - 1].append(row)
    return [
        _read(token_digest, found, kind.classes if (kind := known[one.category]) else None)
        for one, found in zip(asked, of_each, strict=True)
    ]


def _row_of(one: Asked, kind: Category | None) -> tuple[str | None, ...]:
    source = kind.source if kind else one.category
    return one.subject, one.purpose, one.category, source, one.idempotency_key


def _gather_one(token_digest: bytes, one: Asked, action: str) -> Gathered:
    return gather(
        token_digest,
        subject=one.subject,
        purpose=one.purpose,
        category=one.category,
        action=action,
        idempotency_key=one.idempotency_key,
    )


def _read(
    token_digest: bytes, rows: list[tuple[Any, ...]], category_classes: frozenset[str] | None
) -> Gathered:
    row = rows[0]
    client = ClientFacts(
        id=columns.uuid(row[2]), ref=row[3], level=row[4], revoked_at=columns.moment(row[5]),
        token_expires_at=columns.moment(row[0]), token_killed_at=columns.moment(row[1]),
        token_jkt=row[51], token_grant=columns.uuid(row[52]) if row[52] is not None else None,
        client_id=row[53], sealing_key=columns.json(row[54]),
    )  # fmt: skip
    partner = PartnerFacts(
        id=columns.uuid(row[6]), ref=row[7], epoch=row[8],
        suspended_at=columns.moment(row[9]), deregistered_at=columns.moment(row[10]),
    )  # fmt: skip
    facts = Facts(
        client=client,
        partner=partner,
        grant=_grant(row) if row[11] is not None else None,
        item=ItemFacts(_fields(row[28]), columns.moment(row[29])) if row[27] is not None else None,
        pod=_pod(row) if row[30] is not None else None,
        category_classes=category_classes,
    )
    return Gathered(token_digest, facts, _keys(rows), _first(row) if row[43] is not None else None)


def _grant(row: tuple[Any, ...]) -> GrantFacts:
    return GrantFacts(
        id=columns.uuid(row[11]), ref=row[12], epoch=row[13], purpose=row[14],
        valid_from=columns.moment(row[15]), expires_at=columns.moment(row[16]), bound_ends_at=columns.moment(row[17]),
        paused_at=columns.moment(row[18]), suspended_at=columns.moment(row[19]), ended_at=columns.moment(row[20]),
        frequency=columns.json(row[21]), zone=row[22], data_range=columns.json(row[23]), access_mode=row[24],
        retention=columns.length(row[25]), key_id=columns.uuid(row[26]) if row[26] is not None else None,
    )  # fmt: skip


def _pod(row: tuple[Any, ...]) -> PodFacts:
    return PodFacts(
        id=columns.uuid(row[30]), ref=row[31], person=row[32],
        paused_at=columns.moment(row[33]), erased_at=columns.moment(row[34]),
    )  # fmt: skip


def _first(row: tuple[Any, ...]) -> FirstAnswer:
    return FirstAnswer(
        id=row[43], body_digest=bytes(row[44]), grant=columns.uuid(row[45]), epoch=row[46],
        event_id=columns.uuid(row[47]), versions=columns.json(row[48]), repeats=row[49],
        made_at=columns.moment(row[50]),
    )  # fmt: skip


def _keys(rows: list[tuple[Any, ...]]) -> WrappedKeys:
    row = rows[0]
    return WrappedKeys(
        grant=WrappedKey(columns.uuid(row[26]), row[36], bytes(row[37]))
        if row[37] is not None
        else None,
        audit=WrappedKey(columns.uuid(row[35]), row[38], bytes(row[39]))
        if row[39] is not None
        else None,
        category={r[41]: (columns.uuid(r[40]), bytes(r[42])) for r in rows if r[42] is not None},
    )


def _fields(value: Any) -> tuple[str, ...] | None:
    names = columns.json(value)
    return None if names is None else tuple(names)
