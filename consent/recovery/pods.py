"""Does again to pods and keys what the log says happened to them: above all, what was erased.

A restored backup holds the keys of erased pods again, and the records of erased categories.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit import log
from audit.models import Detail
from audit.types import EntryType
from consent import forgetting
from consent.models import AccessRequest, Erasure, Grant
from consent.recovery import grants, rows
from consent.recovery.states import LOST
from keys import tree
from keys.models import Key, Kind
from vault import categories
from vault.models import Pod, Record
from vault.positions import Position


def replay(said: dict[str, Any]) -> None:
    """Do one lost change of a pod, its records or a key again."""
    _CHANGES[said["type"]](said)


def _pause(said: dict[str, Any]) -> None:
    Pod.objects.there().filter(ref=said["pod"]).update(paused_at=rows.moment(said))


def _resume(said: dict[str, Any]) -> None:
    Pod.objects.there().filter(ref=said["pod"]).update(paused_at=None)


def _erase(said: dict[str, Any]) -> None:
    """Erase a pod as `consent.erasure` does; its grants ended in entries before this one.

    The log forgets the person a day after they asked for it, whenever the backup was put back.
    """
    pod = rows.pod(said.get("pod"))
    if pod is None:
        return
    if pod.key_id is not None:
        tree.destroy(pod.key_id)
    pod.records.all().delete()
    AccessRequest.objects.of(pod).waiting().update(pod=None)
    Pod.objects.filter(pk=pod.pk).update(key_id=None, erased_at=rows.moment(said))
    forgetting.begin(pod, rows.moment(said))


def _erase_category(said: dict[str, Any]) -> None:
    """Erase a category by the operation itself.

    Not by destroying the pod key whose number the original run destroyed: in the restored
    database that key still opens the pod's other categories.
    """
    pod = rows.pod(said.get("pod"))
    if pod is None:
        return
    for category in said.get("categories", ()):
        for grant in Grant.objects.of(pod).unended().order_by("pk"):
            _end_items(grant, category, said)
        pod.records.filter(category=category).delete()
        _erase_key(pod, category)


def _end_items(grant: Grant, category: str, said: dict[str, Any]) -> None:
    held = rows.grant(grant.ref)
    items = grant.items.filter(category__in=categories.covering(category), ended_at=None)
    if held is not None and items:
        # Who erases a category is not asked about the copies of it: deletion is what that means.
        at, kind = rows.moment(said), Grant.EndKind.WITHDRAWN
        grants.try_end_items(held, items, at, kind, deletion=True)


def _erase_key(pod: Pod, category: str) -> None:
    """Replace the pod key. Where it does not open any more, nothing under it does either."""
    try:
        with transaction.atomic():
            new = tree.erase_category(pod.pk, category)
            Pod.objects.filter(pk=pod.pk).update(key_id=new)
    except grants.UNREACHABLE:
        return


def hide(ref: str, category: str) -> None:
    """Hide a category from every brand: a record was deleted or hidden, and no leaf says which.

    Only the lost detail named it. The owner sees all of them and can show each again.
    """
    pod = rows.pod(ref)
    if pod is None:
        return
    shown = Record.objects.shown().filter(pod=pod, category=category)
    if not shown.update(hidden_at=timezone.now(), change=Position()):
        return
    log.append(
        log.Draft(
            type=EntryType.RECORD_HIDDEN,
            role="system",
            pod=pod.ref,
            categories=(category,),
            reason=LOST,
            person=pod.owner.ref if pod.audit_key_id else None,
            audit_key=pod.audit_key_id,
        )
    )


def _destroy_key(said: dict[str, Any]) -> None:
    """Destroy a key that was destroyed by its number: an audit or hold key."""
    name = said.get("key") or said.get("hold")
    key = Key.objects.filter(pk=UUID(hex=name)).first() if name else None
    if key is None or key.kind in (Kind.POD, Kind.GRANT):
        return  # those go with what they belong to
    tree.destroy(key.id)
    if key.kind == Kind.AUDIT:
        Pod.objects.filter(audit_key_id=key.id).update(audit_key_id=None)
        Detail.objects.filter(person=key.ref.removeprefix("person:")).delete()
        # The last step of an erasure: nothing of it is left to be done.
        unfinished = Erasure.objects.filter(audit_key_id=key.id, done_at=None)
        unfinished.update(done_at=rows.moment(said))


_CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    EntryType.POD_PAUSED: _pause,
    EntryType.POD_RESUMED: _resume,
    EntryType.POD_ERASED: _erase,
    EntryType.CATEGORY_ERASED: _erase_category,
    EntryType.KEY_DESTROYED: _destroy_key,
    EntryType.HOLD_DESTROYED: _destroy_key,
}
TYPES = frozenset(_CHANGES)
