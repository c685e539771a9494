"""What happens to a pod and to the records in it. Every write goes through here.

A partner's calls are decided in `consent/access` before they come here, and its entries are
appended there, in the same transaction: only consent knows grant and epoch. What the owner does
is an entry made here; what the owner reads is none (consent.md 6.7).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit import log
from audit.types import EntryType
from keys import tree
from keys.models import CategoryWrap, Key, Kind
from keys.rows import OpenCategoryKey
from vault import categories, holding, sealed
from vault.exceptions import (
    ContributionNotEdited,
    PodErased,
    RecordChangedMeanwhile,
    RecordGone,
)
from vault.models import DeletedRecord, Pod, Record, RecordVersion, Source
from vault.opening import Opened, get, history, open_all, read
from vault.positions import Position
from vault.preparing import Prepared, prepare

__all__ = [
    "Opened", "Prepared", "add", "append", "change", "create", "delete", "destroy", "dispute", "erase_category",
    "get", "hide", "history", "open_all", "pause", "prepare", "put", "read", "resume", "show",
]  # fmt: skip


# The pod -----------------------------------------------------------------------------
def create(owner: User) -> Pod:
    """Make the pod of `owner` with its own key; the pod that is there already, if there is one.

    Raises `PodErased` where there was one: what was erased does not come back.
    """
    with transaction.atomic():
        pod, made = Pod.objects.select_for_update(of=("self",)).get_or_create(owner=owner)
        if pod.erased_at is not None:
            raise PodErased
        if made:
            pod.key_id = tree.make_pod_key(pod.id)
            pod.audit_key_id = _audit_key(pod.owner.ref)
            pod.save(update_fields=["key_id", "audit_key_id"])
            append(pod, EntryType.POD_MADE)
        return pod


def pause(pod: Pod) -> bool:
    """Let no brand read or write; return whether that changed anything.

    Called by consent, which raises the epochs of the pod's grants in the same transaction.
    """
    return _set_moment(pod, EntryType.POD_PAUSED, {"paused_at": None}, timezone.now())


def resume(pod: Pod) -> bool:
    """Undo `pause`; return whether that changed anything. Called by consent, like `pause`."""
    return _set_moment(pod, EntryType.POD_RESUMED, {"paused_at__isnull": False}, None)


def destroy(pod: Pod) -> None:
    """Erase the pod: its key, so that no backup opens (NIST SP 800-88), and its records.

    Only `consent/erasure.py` calls this, after it ended the grants; the audit key is its matter.
    Twice is once.
    """
    with transaction.atomic():
        try:
            pod = holding.alone(pod)
        except PodErased:
            return
        if pod.key_id is not None:
            tree.destroy(pod.key_id)
        pod.records.all().delete()
        DeletedRecord.objects.filter(pod=pod).delete()
        pod.key_id, pod.erased_at = None, timezone.now()
        pod.save(update_fields=["key_id", "erased_at"])
        append(pod, EntryType.POD_ERASED)


def erase_category(pod: Pod, category: str) -> None:
    """Erase every record of a category, in backups too, as soon as their generation is gone.

    Only `consent/erasure.py` calls this, after it ended the items that cover the category.
    """
    with transaction.atomic():
        pod = holding.alone(pod)
        pod.records.filter(category=category).delete()
        DeletedRecord.objects.filter(pod=pod, category=category).delete()
        pod.key_id = tree.erase_category(pod.id, category)
        pod.save(update_fields=["key_id"])
        append(pod, EntryType.CATEGORY_ERASED, [category])


# Writing -----------------------------------------------------------------------------
def put(
    pod: Pod, category: str, value: Any, *, record: Record | None = None, **origin: Any
) -> Record:
    """Seal `value` into the pod and return its record.

    `origin` are the further fields of `Prepared`: source, source_partner, source_name,
    obtained_at. With `record`, a new version of that record by the one who made it. Raises
    `UnknownCategory`, `RRNFound`, `RecordInvalid`, `PodErased`, and for `record` what `change`
    raises.
    """
    if record is not None:
        return change(record, value, partner=origin.get("source_partner"))
    prepared = prepare(category, value, **origin)
    with transaction.atomic():
        (made,) = add(pod, [prepared])
        if prepared.source == Source.OWNER:
            append(made.pod, EntryType.RECORD_ADDED, [category], {"record": str(made.id)})
        return made


def add(pod: Pod, prepared: Sequence[Prepared]) -> list[Record]:
    """Seal what was prepared into the pod; the caller appends the entry.

    Needs a transaction. Raises `PodErased`.
    """
    names = {one.category for one in prepared}
    pod = holding.for_sealing(pod, names)
    # In one order, so that two who need new keys for the same categories do not cross.
    keys = {name: tree.category_key(pod.id, name, pod_key_id=pod.key_id) for name in sorted(names)}
    made = [_record(pod, one, keys[one.category]) for one in prepared]
    return Record.objects.bulk_create(made, batch_size=500)


def change(
    record: Record, value: Any, *, expected: int | None = None, partner: str | None = None
) -> Record:
    """Make a new version of a record and keep the old one.

    `expected` is the version that the caller saw. `partner` is the brand that changes its own
    contribution. Raises `ContributionNotEdited` for anybody else's, `RecordChangedMeanwhile`,
    `RecordGone`, and what `put` raises.
    """
    data = sealed.checked(record.category, value)
    with transaction.atomic():
        pod = holding.for_sealing(record.pod, {record.category})
        old = _locked(record)
        if old.source_partner != partner:
            raise ContributionNotEdited
        if old.version != (expected or record.version):
            raise RecordChangedMeanwhile
        RecordVersion.objects.create(
            record=old,
            version=old.version,
            key_version=old.key_version,
            changed_at=old.changed_at,
            sealed=old.sealed,
        )
        _replace(pod, old, value, data)
        if partner is None:
            append(pod, EntryType.RECORD_CHANGED, [old.category], _what(old))
        return old


def dispute(record: Record, value: Any) -> Record:
    """Put the owner's own version beside a brand's record, which stays as it is (12.1)."""
    return put(record.pod, record.category, value, disputes=record.id)


def hide(record: Record) -> bool:
    """Keep a record from every brand without deleting it; return whether that changed anything."""
    return _set_hidden(record, EntryType.RECORD_HIDDEN, timezone.now())


def show(record: Record) -> bool:
    """Undo `hide`; return whether that changed anything."""
    return _set_hidden(record, EntryType.RECORD_SHOWN, None)


def delete(record: Record) -> None:
    """Delete a record with all its versions. Raises `RecordGone` when it is gone already.

    The category gets a new key version for what is sealed from now on; `rotate_keys` re-seals the
    rest and then destroys the old version. Until then an old backup could still show the record.
    """
    with transaction.atomic():
        pod = holding.alone(record.pod)
        deleted, _ = Record.objects.filter(id=record.id).delete()
        if not deleted:
            raise RecordGone
        DeletedRecord.objects.create(
            id=record.id, pod=pod, category=record.category, obtained_at=record.obtained_at
        )
        tree.new_version(pod.id, record.category, _holders(pod, record.category))
        append(pod, EntryType.RECORD_DELETED, [record.category], _what(record))


# Inside ------------------------------------------------------------------------------
def _record(pod: Pod, new: Prepared, key: OpenCategoryKey) -> Record:
    record_id, now = uuid4(), timezone.now()
    return Record(
        id=record_id,
        pod=pod,
        category=new.category,
        key_version=key.version,
        source=new.source,
        source_partner=new.source_partner,
        source_name=new.source_name,
        obtained_at=new.obtained_at or now,
        changed_at=now,
        occurred_at=new.occurred_at,
        disputes=new.disputes,
        sealed=sealed.close(key, sealed.Place(pod.id, new.category, record_id, 1), new.data),
    )


def _replace(pod: Pod, record: Record, value: Any, data: bytes) -> None:
    key = tree.category_key(pod.id, record.category, pod_key_id=pod.key_id)
    record.version += 1
    record.key_version = key.version
    record.changed_at = timezone.now()
    record.occurred_at = categories.happened_at(categories.get(record.category), value)
    place = sealed.Place(pod.id, record.category, record.id, record.version)
    record.sealed = sealed.close(key, place, data)
    record.save(update_fields=["version", "key_version", "changed_at", "occurred_at", "sealed"])
    Record.objects.filter(id=record.id).update(change=Position())


def _locked(record: Record) -> Record:
    found = Record.objects.select_for_update().filter(id=record.id).first()
    if found is None:
        raise RecordGone
    return found


def _holders(pod: Pod, category: str) -> set[UUID]:
    """Return the grant keys that open the category: whatever holds its newest version."""
    newest = tree.category_key(pod.id, category, pod_key_id=pod.key_id)
    wraps = CategoryWrap.objects.filter(category_key=newest.key_id, version=newest.version)
    return set(wraps.values_list("under", flat=True)) - {pod.key_id}


def _audit_key(person: str) -> UUID:
    """Return the person's audit key; signing up may have made it before there was a pod."""
    key = Key.objects.filter(kind=Kind.AUDIT, ref=tree.person_ref(person)).first()
    return key.id if key is not None else tree.make_audit_key(person)


def _set_moment(pod: Pod, kind: EntryType, before: dict[str, Any], moment: datetime | None) -> bool:
    with transaction.atomic():
        pod = holding.alone(pod)
        changed = Pod.objects.filter(id=pod.id, **before).update(paused_at=moment)
        if changed:
            append(pod, kind)
        return bool(changed)


def _set_hidden(record: Record, kind: EntryType, moment: datetime | None) -> bool:
    with transaction.atomic():
        pod = holding.shared(record.pod)
        rows = Record.objects.filter(id=record.id, hidden_at__isnull=moment is not None)
        changed = rows.update(hidden_at=moment, change=Position())
        if changed:
            append(pod, kind, [record.category], _what(record))
        return bool(changed)


def _what(record: Record) -> dict[str, Any]:
    return {"record": str(record.id), "source": record.source, "source_name": record.source_name}


def append(
    pod: Pod,
    kind: EntryType,
    names: Iterable[str] = (),
    detail: Mapping[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Append an entry about a pod. Needs a transaction; `fields` are those of `log.Draft`."""
    log.append(
        log.Draft(
            type=kind,
            role=fields.pop("role", "owner"),
            pod=pod.ref,
            categories=tuple(names),
            person=pod.owner.ref,
            audit_key=pod.audit_key_id,
            detail=detail or {},
            **fields,
        )
    )
