"""Opens records for their owner, through the pod key. `vault/pods.py` is the door to it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from keys import tree
from keys.rows import OpenCategoryKey
from vault import categories, sealed, strictjson
from vault.exceptions import PodErased, RecordGone
from vault.models import Pod, Record

Keys = Mapping[tuple[str, int], OpenCategoryKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A record with its value in clear. It is never stored, cached or logged."""

    record: Record
    value: Any
    version: int
    changed_at: datetime


def read(pod: Pod, category: str) -> list[Opened]:
    """Return the owner's records of a category, newest first. Raises `UnknownCategory`."""
    categories.get(category)
    found = pod.records.filter(category=category).order_by("-obtained_at", "-id")
    return open_all(pod, found)


def get(pod: Pod, record_id: UUID) -> Opened:
    """Return one of the owner's records. Raises `RecordGone`, for another owner's too."""
    found = open_all(pod, pod.records.filter(id=record_id))
    if not found:
        raise RecordGone
    return found[0]


def history(pod: Pod, record_id: UUID) -> list[Opened]:
    """Return every version of a record, newest first. Raises `RecordGone`."""
    newest = get(pod, record_id)
    record = newest.record
    keys = keys_of(pod, {record.category})
    older = [
        Opened(
            record=record,
            value=_open(keys, record, row.version, row.key_version, bytes(row.sealed)),
            version=row.version,
            changed_at=row.changed_at,
        )
        for row in record.versions.order_by("-version")
    ]
    return [newest, *older]


def open_all(pod: Pod, records: Iterable[Record]) -> list[Opened]:
    """Open records of one pod through its key.

    Raises `Tampered` for a row that was moved or changed, `PodErased`, `KeyErased`,
    `ProviderAway`.
    """
    records = list(records)
    if not records:
        return []
    keys = keys_of(pod, {record.category for record in records})
    if any((record.category, record.key_version) not in keys for record in records):
        # Re-sealed, and the old key version destroyed, between the two statements.
        records = _again(records)
        keys = keys_of(pod, {record.category for record in records})
    return [
        Opened(
            record=record,
            value=_open(keys, record, record.version, record.key_version, bytes(record.sealed)),
            version=record.version,
            changed_at=record.changed_at,
        )
        for record in records
    ]


def plain(pod: Pod, names: set[str], records: Iterable[Record]) -> Iterator[tuple[str, bytes]]:
    """Yield category and sealed bytes of records in clear, one at a time."""
    if not names:
        return
    keys = keys_of(pod, names)
    for record in records:
        key = keys.get((record.category, record.key_version))
        if key is not None:
            place = sealed.Place(record.pod_id, record.category, record.id, record.version)
            yield record.category, sealed.open_bytes(key.key, place, bytes(record.sealed))


def _again(records: list[Record]) -> list[Record]:
    """Fetch the same records in the same order, without those that are gone."""
    rows = Record.objects.in_bulk([record.id for record in records])
    return [rows[record.id] for record in records if record.id in rows]


def keys_of(pod: Pod, names: set[str]) -> Keys:
    if pod.key_id is None:
        raise PodErased
    return tree.category_keys(pod.id, names, pod_key_id=pod.key_id)


def _open(keys: Keys, record: Record, version: int, key_version: int, blob: bytes) -> Any:
    key = keys.get((record.category, key_version))
    if key is None:
        raise RecordGone
    place = sealed.Place(record.pod_id, record.category, record.id, version)
    return strictjson.loads(sealed.open_bytes(key.key, place, blob))
