"""Cuts grants off: what every end does, to one grant or to a thousand, in the caller's transaction.

Rows, epochs, keys, tokens, entries, obligations, events, letters: the same few statements for any
number, so that "end everything" holds its locks for a moment only. The caller holds the rows
and has found them un-ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F

from audit import log
from audit.types import EntryType
from consent import entries, letters, pipelining
from consent.actors import Actor
from consent.grants import keeping, telling
from consent.models import AccessToken, Grant, RefreshToken
from consent.revocation import obligations
from keys import tree

# A statement takes at most 65,535 parameters, and an event has 17 columns.
CHUNK = 1000
_ENTRIES = {
    Grant.EndKind.WITHDRAWN: EntryType.GRANT_WITHDRAWN,
    Grant.EndKind.REVOKED: EntryType.GRANT_REVOKED,
    Grant.EndKind.EXPIRED: EntryType.GRANT_EXPIRED,
    Grant.EndKind.CONSUMED: EntryType.GRANT_CONSUMED,
    Grant.EndKind.SUPERSEDED: EntryType.GRANT_SUPERSEDED,
    Grant.EndKind.INVALIDATED: EntryType.GRANT_INVALIDATED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How, why and by whom some grants end."""

    kind: Grant.EndKind
    reason: str  # one of our own codes, or nothing
    actor: Actor
    at: datetime
    kept: bool = False  # whether the owner lets the brands keep the copies that they have
    may_anonymise: bool = False  # whether the owner leaves it to them to make these anonymous

    @property
    def wants_deletion(self) -> bool:
        """Say whether the copies are to be deleted where the choice is the owner's (7.3).

        Whoever withdraws and says nothing wants it; of other ends nobody has chosen anything.
        """
        return self.kind == Grant.EndKind.WITHDRAWN and not self.may_anonymise


def cut(
    held: Sequence[Grant], end: End, *, owed_for: Mapping[UUID, Sequence[str]] | None = None
) -> None:
    """End grants whose rows the caller holds and has found un-ended.

    `owed_for` names, by the grant's id, the categories whose copies have to go; for the others
    all that were read.
    """
    for start in range(0, len(held), CHUNK):
        _cut(held[start : start + CHUNK], end, owed_for)


def is_open(grant: Grant) -> bool:
    """Return whether the grant's epoch is open: something could be read, but for the clock."""
    return grant.ended_at is None and grant.paused_at is None and grant.suspended_at is None


def _cut(held: Sequence[Grant], end: End, owed_for: Mapping[UUID, Sequence[str]] | None) -> None:
    closes = [grant.epoch if is_open(grant) else None for grant in held]
    with pipelining.pipeline():
        # Said before the end, so that whoever replays the log knows it when the end comes.
        said = keeping.keep(held, end.actor, end.at) if end.kept else []
        _write_rows(held, end)
        owed = obligations.open_all(held, end.at, categories=owed_for, deletion=end.wants_deletion)
        telling.of_ends(held, end.kind, end.reason, end.at, owed)
        letters.of_ends(held, end.kind, end.actor, end.at)
        ends = [
            entries.of_grant(
                _ENTRIES[end.kind], grant, end.actor, closes=epoch, reason=end.reason or None
            )
            for grant, epoch in zip(held, closes, strict=True)
        ]
        log.append_many(said + ends + obligations.drafts(owed))


def _write_rows(held: Sequence[Grant], end: End) -> None:
    """Write the moments, kill the tokens that were for these grants alone, destroy their keys."""
    ids = [grant.pk for grant in held]
    said: dict[str, Any] = {
        "ended_at": end.at,
        "end_kind": end.kind.value,
        "end_reason": end.reason,
        "end_actor": end.actor.role,
        "end_channel": end.actor.channel,
        "superseded_at": end.at if end.kind == Grant.EndKind.SUPERSEDED else None,
        "key_id": None,
    }
    keys = [grant.key_id for grant in held if grant.key_id is not None]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_CUT, {"ids": ids, "at": end.at, **said})
    else:
        Grant.objects.filter(pk__in=ids).update(epoch=F("epoch") + 1, **said)
        for tokens in (AccessToken, RefreshToken):
            tokens.objects.filter(grant__in=ids, killed_at=None).update(killed_at=end.at)
    for grant in held:
        grant.epoch += 1
        for name, value in said.items():
            setattr(grant, name, value)
    tree.destroy_many(keys)


# One statement, composed once: readers wait behind the locks that are held here.
_CUT = """
WITH access AS (
  UPDATE consent_accesstoken SET killed_at = %(at)s
   WHERE grant_id = ANY(%(ids)s) AND killed_at IS NULL
), refresh AS (
  UPDATE consent_refreshtoken SET killed_at = %(at)s
   WHERE grant_id = ANY(%(ids)s) AND killed_at IS NULL
)
UPDATE consent_grant
   SET epoch = epoch + 1, ended_at = %(ended_at)s, end_kind = %(end_kind)s,
       end_reason = %(end_reason)s, end_actor = %(end_actor)s, end_channel = %(end_channel)s,
       superseded_at = %(superseded_at)s, key_id = %(key_id)s
 WHERE id = ANY(%(ids)s)
"""
