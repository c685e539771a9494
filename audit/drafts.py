"""What somebody wants to have on record, and what becomes of it: a leaf and a sealed detail.

Touches no database: the read guard composes first and inserts in a statement of its own.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from audit import identifiers, leaf, merkle
from audit.exceptions import LeafRefused, LinksPeople, UnknownEntryType
from audit.types import KNOWN_TYPES, OUTCOMES, ROLES
from keys import sealing

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody wants to have on record. docs/events.md says what each field means.

    `partner`, `client`, `account` say who did it; the `*_object` fields say that it is about
    such a thing. `person`, `audit_key` and `detail` never reach the leaf.
    """

    type: str
    role: str
    partner: str | None = None
    client: str | None = None
    account: str | None = None
    grant: str | None = None
    request: str | None = None
    pod: str | None = None
    key: str | None = None
    partner_object: str | None = None
    client_object: str | None = None
    account_object: str | None = None
    delivery: str | None = None
    obligation: str | None = None
    hold: str | None = None
    journey: str | None = None
    alliance: str | None = None
    opens: int | None = None
    closes: int | None = None
    epoch: int | None = None
    partner_epoch: int | None = None
    purpose: str | None = None
    categories: Sequence[str] = ()
    actions: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None
    reason: str | None = None
    kind: str | None = None
    law: str | None = None
    policy: str | None = None
    notice: str | None = None
    root: str | None = None
    of: UUID | str | None = None
    repeat_of: UUID | str | None = None
    repeats: int | None = None
    count: int | None = None
    first: int | None = None
    size: int | None = None
    person: str | None = None
    audit_key: UUID | None = None
    detail: Mapping[str, JSON] | None = None


class Row(NamedTuple):
    """An entry as the tables take it. `detail` is sealed; None where it is about nobody."""

    event_id: UUID
    at: datetime
    type: str
    leaf: bytes
    leaf_hash: bytes
    person: str | None
    grant_ref: str | None
    detail: bytes | None


def compose(draft: Draft, audit_key: bytes | None = None) -> Row:
    """Return everything of an entry but its place: what the read guard inserts by itself.

    `audit_key` is the opened audit key of the draft's person. Raises LeafRefused.
    """
    return compose_fields(fields_of(draft), draft, audit_key)


def compose_fields(fields: dict[str, Any], draft: Draft, audit_key: bytes | None) -> Row:
    """Return the row of checked fields; `draft` gives the person and the detail only."""
    now = time.time_ns()
    event_id = identifiers.event_id(now)
    at = datetime.fromtimestamp(now // 1_000_000 / 1000, UTC)
    fields |= {"v": leaf.VERSION, "id": str(event_id), "time": moment(at)}
    sealed = None
    if draft.person is not None:
        fields["commitment"], sealed = _seal(draft, event_id, audit_key)
    encoded = leaf.encode(fields)
    grant = fields.get("grant")
    hashed = merkle.leaf_hash(encoded)
    return Row(event_id, at, draft.type, encoded, hashed, draft.person, grant, sealed)


def moment(at: datetime) -> str:
    """Return a moment as leaves write it: UTC, milliseconds. Raises LeafRefused where naive."""
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise LeafRefused("a moment without a time zone")
        at = at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")[:23] + "Z"


def fields_of(draft: Draft) -> dict[str, Any]:
    """Return what the leaf will say, checked, without id, time and commitment.

    Words that match no registry's form become "unknown": a refusal of nonsense is logged, too.
    Everything else that does not fit is a mistake of ours and raises LeafRefused.
    """
    if draft.type not in KNOWN_TYPES:
        raise UnknownEntryType("a type that is not in the registry")
    fields: dict[str, Any] = {"type": str(draft.type), "actor": _actor(draft)}
    for name, attribute in _REFERENCES:
        if (value := getattr(draft, attribute)) is not None:
            fields[name] = _checked(name, value, leaf.REFERENCE)
    for name in _COUNTS:
        if (number := getattr(draft, name)) is not None:
            fields[name] = _count(name, number)
    for name in leaf.WORDS:
        if (value := getattr(draft, name)) is not None:
            fields[name] = word(value)
    for name in leaf.LISTS:
        if values := getattr(draft, name):
            fields[name] = sorted({word(each) for each in values})
    _rest(draft, fields)
    _need_unlinked(draft)
    return fields


def word(value: str) -> str:
    """Return a registry's word, or "unknown" for anything that cannot be one."""
    return str(value) if leaf.WORD(value) else "unknown"


_COUNTS = leaf.COUNTS
_OBJECTS = {"partner", "client", "account"}
_REFERENCES = tuple(
    (name, f"{name}_object" if name in _OBJECTS else name) for name in leaf.REFERENCES
)


def _rest(draft: Draft, fields: dict[str, Any]) -> None:
    if draft.outcome is not None and draft.outcome not in OUTCOMES:
        raise LeafRefused("an outcome is ok, refused or failed")
    if draft.since is not None:
        fields["from"] = moment(draft.since)
    if draft.until is not None:
        fields["until"] = moment(draft.until)
    for name in ("policy", "notice", "root"):
        if (value := getattr(draft, name)) is not None:
            fields[name] = _checked(name, value, leaf.DIGEST)
    for name in leaf.EVENTS:
        if (value := getattr(draft, name)) is not None:
            fields[name] = _checked(name, str(value), leaf.EVENT)


def _actor(draft: Draft) -> dict[str, str]:
    if draft.role not in ROLES:
        raise LeafRefused("a role that nobody has")
    actor = {"role": str(draft.role)}
    for name in leaf.ACTOR_REFERENCES:
        if (value := getattr(draft, name)) is not None:
            actor[name] = _checked(name, value, leaf.REFERENCE)
    return actor


def _checked(name: str, value: str, fits: Any) -> str:
    if not fits(value):
        raise LeafRefused(f"{name} is not in its form")
    return value


def _count(name: str, value: int) -> int:
    if type(value) is not int or not 0 <= value <= leaf.LARGEST:
        raise LeafRefused(f"{name} is a whole number below 2^53")
    return value


def _need_unlinked(draft: Draft) -> None:
    """Refuse what would join two grants of one person: grants never meet pod or account."""
    if draft.grant is None and draft.request is None:
        return
    owners_account = draft.account if draft.role in ("owner", "guardian") else None
    if draft.pod or draft.account_object or draft.hold or draft.journey or owners_account:
        raise LinksPeople(
            "a grant or request never stands beside a pod, a hold, a journey or an account"
        )


def _seal(draft: Draft, event_id: UUID, audit_key: bytes | None) -> tuple[str, bytes]:
    """Return the commitment in hex, and the detail with its random r, sealed."""
    if audit_key is None or draft.audit_key is None:
        raise LeafRefused("a detail needs the audit key of its person")
    detail = {**(draft.detail or {}), "person": draft.person}
    encoded = orjson.dumps(detail, option=orjson.OPT_SORT_KEYS)
    r = secrets.token_bytes(32)
    sealed = sealing.seal(
        audit_key,
        key_id=draft.audit_key.bytes,
        key_version=1,
        plaintext=encoded + r,
        context=detail_context(event_id, draft.type),
    )
    return sealing.commit(r, draft.type, encoded).hex(), sealed


def detail_context(event_id: UUID, entry_type: str) -> list[bytes]:
    """Return what a sealed detail is bound to: a detail moved to another entry does not open."""
    return [b"detail", event_id.bytes, entry_type.encode()]
