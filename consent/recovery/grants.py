"""Does again to a grant's row what the log says happened to it after the backup.

The log has these entries already, so none is written a second time. What others are owed is
owed again: whether they were told, only the lost rows knew.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.types import EntryType
from consent.grants import telling
from consent.models import Grant, GrantItem, RequestItem
from consent.recovery import rows
from consent.recovery.states import epoch_after
from consent.revocation import deliveries, obligations
from consent.revocation.events import EventType
from keys import tree
from keys.exceptions import GenerationGone, KeyErased, Tampered
from vault import categories

# A key that is gone, or that the keyring no longer opens.
UNREACHABLE = (GenerationGone, KeyErased, Tampered)


def replay(said: dict[str, Any], *, deletion: bool = False) -> None:
    """Do one lost change again, where the backup has the grant and it has not ended.

    `deletion` says that its owner chose deletion for the copies, or for a part of them.
    """
    grant = rows.grant(said["grant"])
    if grant is None or grant.ended_at is not None:
        return
    kind = said["type"].removeprefix("grant.")
    grant.epoch = epoch_after(grant.epoch, said)
    if kind in Grant.EndKind.values:
        _end(grant, kind, said, deletion=deletion)
        return
    change = _CHANGES.get(kind)
    if change is not None:
        change(grant, said)
        _tell(grant, EventType(said["type"].replace(".", "-")), {})
    grant.save(
        update_fields=[
            "epoch", "paused_at", "paused_until", "suspended_at", "suspension_ground",
        ]
    )  # fmt: skip


def replay_retention(said: dict[str, Any]) -> None:
    """Let a brand keep its copies again, or have them go again, as the owner had said.

    The consent stands before the end that it goes with, so that the end owes nothing.
    """
    grant = rows.grant(said["grant"])
    if grant is None:
        return
    if said["type"] == EntryType.RETENTION_GIVEN:
        if grant.ended_at is None:
            grant.kept_by_consent_at = rows.moment(said)
            grant.save(update_fields=["kept_by_consent_at"])
    elif grant.kept_by_consent_at is not None:
        grant.kept_by_consent_at = None
        grant.save(update_fields=["kept_by_consent_at"])
        owed = obligations.open_for(grant, timezone.now(), deletion=True)
        claims = {"withdrawn_at": said["time"], "partner_ref": grant.request.partner_ref}
        _tell(grant, EventType.RETENTION_WITHDRAWN, claims, owed)


def end_items(
    grant: Grant, items: Iterable[GrantItem], at: datetime, kind: str, *, deletion: bool
) -> None:
    """End these items of a grant that the caller holds, as `grants.end_item` does, without entry.

    The grant gets a key for the rest. The caller holds the pod.
    """
    ended = list(items)
    for item in ended:
        # In memory, too: the grant may have loaded its items before.
        item.ended_at, item.end_kind = at, kind
    GrantItem.objects.bulk_update(ended, ["ended_at", "end_kind"])
    rest = grant.items.filter(ended_at=None).values_list("category", flat=True)
    if grant.key_id is not None:
        grant.key_id = tree.replace_grant_key(
            grant.key_id, grant.pk, grant.pod_id, categories.sources(rest)
        )
        grant.save(update_fields=["key_id"])
    for item in ended:
        item.ended_at, item.end_kind = at, kind
        reads = item.action == RequestItem.Action.READ
        now = timezone.now()
        gone = [item.category] if reads else []
        owed = obligations.open_for(grant, now, categories=gone, deletion=deletion)
        claims = {"category": item.category, "action": item.action}
        _tell(grant, EventType.ITEM_ENDED, claims, owed)


def _end(grant: Grant, kind: str, said: dict[str, Any], *, deletion: bool) -> None:
    at, superseded = rows.moment(said), kind == Grant.EndKind.SUPERSEDED
    grant.ended_at, grant.end_kind, grant.end_reason = at, kind, said.get("reason", "")[:40]
    grant.end_actor = said["actor"]["role"]
    grant.superseded_at = at if superseded else None
    key_id, grant.key_id = grant.key_id, None
    grant.save(
        update_fields=[
            "ended_at", "end_kind", "end_reason", "end_actor", "superseded_at", "key_id", "epoch",
        ]
    )  # fmt: skip
    if key_id is not None:
        tree.destroy(key_id)
    # Its successor was given in the same transaction and is lost with it: all copies have to go.
    gone = _read_categories(grant) if superseded else None
    owed = obligations.open_for(grant, timezone.now(), categories=gone, deletion=deletion)
    claims = {
        "ended_at": at.isoformat(),
        "partner_ref": grant.request.partner_ref,
        **telling.kept(grant),
    }
    if grant.end_reason:
        claims["reason"] = grant.end_reason
    _tell(grant, EventType(f"grant-{kind}"), claims, owed)


def _read_categories(grant: Grant) -> list[str]:
    read = grant.items.filter(action=RequestItem.Action.READ)
    return sorted(set(read.values_list("category", flat=True)))


def _pause(grant: Grant, said: dict[str, Any]) -> None:
    # Until when is not in the leaf: it stays paused until its owner resumes it.
    grant.paused_at, grant.paused_until = rows.moment(said), None


def _resume(grant: Grant, _said: dict[str, Any]) -> None:
    grant.paused_at = grant.paused_until = None


def _suspend(grant: Grant, said: dict[str, Any]) -> None:
    grant.suspended_at, grant.suspension_ground = rows.moment(said), said.get("reason", "")[:40]


def _reinstate(grant: Grant, _said: dict[str, Any]) -> None:
    grant.suspended_at, grant.suspension_ground = None, ""


_CHANGES: dict[str, Callable[[Grant, dict[str, Any]], None]] = {
    "paused": _pause,
    "resumed": _resume,
    "suspended": _suspend,
    "reinstated": _reinstate,
}


def _tell(
    grant: Grant, event_type: EventType, claims: dict[str, Any], owed: Iterable[Any] = ()
) -> None:
    deliveries.enqueue(grant.partner, grant, event_type, claims, obligation=list(owed))


@transaction.atomic
def try_end_items(
    grant: Grant, items: Iterable[GrantItem], at: datetime, kind: str, *, deletion: bool
) -> bool:
    """End items; return False, with nothing changed, where the pod's keys cannot be opened."""
    try:
        with transaction.atomic():
            end_items(grant, items, at, kind, deletion=deletion)
    except UNREACHABLE:
        return False
    return True
