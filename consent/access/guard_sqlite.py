"""The same guard for SQLite: one IMMEDIATE transaction, which is the only writer while it runs."""

from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from audit.models import Detail, Entry, LogState, Pending
from consent.access.cursors import Cursor
from consent.access.orders import MOST_RECORDS, Confirmed, Order, confirmed
from consent.models import Grant, GrantUse, Partner, SpentRepeat
from vault import positions
from vault.models import DeletedRecord, Record, RecordQuerySet


@transaction.atomic
def confirm(order: Order) -> Confirmed | None:
    """Confirm one read as `guard.confirm` does, step by step."""
    if not _still_so(order):
        return None
    records = _records(order)
    if order.count:
        served = _count(order, records)
        if served is None:
            return None
        records = served
    _enter(order)
    if order.repeatable:
        _remember(order, records)
    size = LogState.objects.values_list("size", flat=True).first()
    used = _used(order)
    return confirmed([(size, used, *_row(record)) for record in records] or [(size, used, None)])


def _still_so(order: Order) -> bool:
    facts, grant, now = order.facts, order.facts.grant, timezone.now()
    return (
        grant is not None
        and Partner.objects.filter(pk=facts.partner.id, epoch=facts.partner.epoch).exists()
        and Grant.objects.filter(pk=grant.id, epoch=grant.epoch, expires_at__gt=now)
        .filter(Q(bound_ends_at=None) | Q(bound_ends_at__gt=now))
        .exists()
        and facts.client.token_expires_at > now
    )


def _records(order: Order) -> list[Record]:
    assert order.facts.pod is not None
    shown = Record.objects.filter(pod_id=order.facts.pod.id, category=order.category).shown()
    return list(_in_window(shown, order).order_by("-obtained_at", "id")[: MOST_RECORDS + 1])


def _in_window(records: RecordQuerySet, order: Order) -> RecordQuerySet:
    since, until = order.window.since, order.window.until
    if since:
        late = Q(occurred_at__gte=since) | Q(occurred_at=None, obtained_at__gte=since)
        records = records.filter(late)
    if until:
        early = Q(occurred_at__lt=until) | Q(occurred_at=None, obtained_at__lt=until)
        records = records.filter(early)
    return records


def _count(order: Order, records: list[Record]) -> list[Record] | None:
    """Return the records that the budget still allows, or None when it allows nothing."""
    assert order.count is not None
    if order.count.bucket:
        return records if _spend(order, order.count.bucket) else None
    allowed = [record for record in records if _spend(order, f"record:{record.id}")]
    return None if records and not allowed else allowed


def _used(order: Order) -> int | None:
    if order.count is None or order.facts.grant is None:
        return None
    uses = GrantUse.objects.filter(grant_id=order.facts.grant.id, bucket=order.count.bucket)
    return uses.values_list("used", flat=True).first()


def _spend(order: Order, bucket: str) -> bool:
    assert order.count is not None and order.facts.grant is not None
    use, _ = GrantUse.objects.get_or_create(grant_id=order.facts.grant.id, bucket=bucket)
    below = GrantUse.objects.filter(pk=use.pk, used__lt=order.count.most)
    return below.update(used=F("used") + 1) == 1


def _enter(order: Order) -> None:
    facts, entry = order.facts, order.entry
    assert facts.grant is not None and facts.pod is not None
    row = Entry.objects.create(
        event_id=entry.event_id, type="record.read", leaf=entry.leaf, leaf_hash=entry.leaf_hash
    )
    Pending.objects.create(seq=row.seq)
    if entry.detail is not None:
        Detail.objects.create(
            seq=row.seq, person=facts.pod.person, grant_ref=facts.grant.ref, type="record.read",
            at=entry.at, sealed=entry.detail,
        )  # fmt: skip


def _remember(order: Order, records: list[Record]) -> None:
    assert order.repeatable is not None and order.facts.grant is not None
    SpentRepeat.objects.create(
        client=order.facts.client.id,
        idempotency_key=order.repeatable.key,
        body_digest=order.repeatable.body_digest,
        grant_id=order.facts.grant.id,
        epoch=order.facts.grant.epoch,
        event_id=order.entry.event_id,
        versions=[[str(record.id), record.version] for record in records],
        made_at=order.entry.at,
    )


def _row(record: Record) -> tuple[object, ...]:
    return (
        record.id, record.version, record.key_version, record.source, record.source_partner,
        record.source_name, record.obtained_at, record.occurred_at, record.sealed,
    )  # fmt: skip


@transaction.atomic
def confirm_repeat(order: Order, repeat: int, most: int) -> Confirmed | None:
    """Confirm a repeat as `repeats.confirm` does: the first answer's versions, nothing counted."""
    spent = SpentRepeat.objects.filter(pk=repeat, repeats__lt=most)
    if not _still_so(order) or not spent.update(repeats=F("repeats") + 1):
        return None
    _enter(order)
    versions = SpentRepeat.objects.get(pk=repeat).versions
    records = [found for found in (_at_version(*listed) for listed in versions) if found]
    size = LogState.objects.values_list("size", flat=True).first()
    return confirmed([(size, None, *_row(record)) for record in records] or [(size, None, None)])


def _at_version(record_id: str, version: int) -> Record | None:
    record = Record.objects.shown().filter(pk=record_id).first()
    if record is None or record.version == version:
        return record
    earlier = record.versions.filter(version=version).first()
    if earlier is None:
        return None
    record.version, record.key_version, record.sealed = version, earlier.key_version, earlier.sealed
    return record


@transaction.atomic
def confirm_changes(order: Order, cursor: Cursor, limit: int) -> list[tuple[object, ...]]:
    """Confirm a page of changes as `guard_changes.confirm` does; no rows: decide again."""
    if not _still_so(order):
        return []
    settled = positions.newest()
    listed = _listed(order, cursor)[:limit]
    records = [each for each in listed if isinstance(each, Record)]
    served = _count(order, records) if order.count else records
    if served is None:
        return []
    _enter(order)
    head = (LogState.objects.values_list("size", flat=True).first(), _used(order), settled)
    given = {record.id for record in served}
    return [
        (*head, each.change, each.id, isinstance(each, Record), *_given(each, given))
        for each in listed
    ] or [(*head, None)]


def _listed(order: Order, cursor: Cursor) -> list[Record | DeletedRecord]:
    """Return records that are there, and stand-ins for those that are gone, in their order."""
    pod = order.facts.pod
    assert pod is not None
    place = Q(change__gt=cursor.change) | Q(change=cursor.change, id__gt=cursor.id)
    mine = {"pod_id": pod.id, "category": order.category}
    shown = {record.id for record in _in_window(Record.objects.filter(**mine).shown(), order)}
    listed: list[Record | DeletedRecord] = list(DeletedRecord.objects.filter(place, **mine))
    for record in Record.objects.filter(place, **mine):
        listed.append(record if record.id in shown else _gone(record))
    told = [
        each for each in listed if isinstance(each, Record) or each.obtained_at < cursor.told_before
    ]
    return sorted(told, key=lambda each: (each.change, each.id))


def _gone(record: Record) -> DeletedRecord:
    return DeletedRecord(id=record.id, change=record.change, obtained_at=record.obtained_at)


def _given(each: Record | DeletedRecord, given: set[UUID]) -> tuple[object, ...]:
    return _row(each) if isinstance(each, Record) and each.id in given else (None,)
