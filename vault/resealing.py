"""Re-seals what is not under the newest key version of its category, then destroys the old ones.

A deleted record leaves its category with a new key version (`pods.delete`). The rest is moved
over here, record by record, in short transactions: killed at any point it continues where it
was, because what is done is no longer stale. When nothing is stale the old versions are
destroyed; from then on, and once their wrapping generation is gone, no backup opens the record.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, QuerySet

from keys import tree
from keys.models import CategoryKey
from keys.rows import OpenCategoryKey
from vault import holding, sealed
from vault.exceptions import PodErased
from vault.models import Pod, Record, RecordVersion

BATCH = 200
# (done, of how many)
Progress = Callable[[int, int], None]


class Shelf(NamedTuple):
    """One category of one pod that has more than one key version."""

    pod: UUID
    category: str
    newest: int


def reseal_stale(progress: Progress | None = None) -> int:
    """Re-seal everything that is stale and return how many values that were. Twice is once."""
    total, done = count_stale(), 0
    for shelf in shelves():
        for count in _empty(shelf):
            done += count
            if progress is not None:
                progress(done, max(total, done))
    return done


def shelves() -> list[Shelf]:
    """Return what has old key versions."""
    rows = CategoryKey.objects.values("pod", "category").annotate(
        versions=Count("id"), newest=Max("version")
    )
    old = rows.filter(versions__gt=1).order_by("pod", "category")
    return [Shelf(row["pod"], row["category"], row["newest"]) for row in old]


def count_stale() -> int:
    """Return how many values are sealed under an old key version."""
    return sum(_records(shelf).count() + _versions(shelf).count() for shelf in shelves())


def _empty(shelf: Shelf) -> Iterator[int]:
    """Move a shelf over, batch by batch, yielding how many values each moved."""
    pod = Pod.objects.filter(id=shelf.pod).first()
    if pod is None:
        return
    try:
        while count := _move(pod, shelf):
            yield count
        _retire(pod, shelf)
    except PodErased:
        return


def _move(pod: Pod, shelf: Shelf) -> int:
    with transaction.atomic():
        held = holding.shared(pod)
        keys = tree.category_keys(held.id, [shelf.category], pod_key_id=held.key_id)
        # Ordered by id and locked before anything is written: an owner who changes a record
        # meanwhile waits, or is waited for, and is not overwritten.
        records = list(_records(shelf).select_for_update(of=("self",)).order_by("id")[:BATCH])
        for record in records:
            record.sealed = _moved(record, record.id, shelf, keys)
            record.key_version = shelf.newest
        Record.objects.bulk_update(records, ["sealed", "key_version"])
        return len(records) or _move_versions(shelf, keys)


def _move_versions(shelf: Shelf, keys: dict[tuple[str, int], OpenCategoryKey]) -> int:
    rows = _versions(shelf).select_for_update(of=("self",)).order_by("id")[:BATCH]
    versions = list(rows)
    for row in versions:
        row.sealed = _moved(row, row.record_id, shelf, keys)
        row.key_version = shelf.newest
    RecordVersion.objects.bulk_update(versions, ["sealed", "key_version"])
    return len(versions)


def _moved(
    row: Record | RecordVersion,
    record: UUID,
    shelf: Shelf,
    keys: dict[tuple[str, int], OpenCategoryKey],
) -> bytes:
    place = sealed.Place(shelf.pod, shelf.category, record, row.version)
    old = keys[shelf.category, row.key_version]
    return sealed.close(
        keys[shelf.category, shelf.newest],
        place,
        sealed.open_bytes(old.key, place, bytes(row.sealed)),
    )


def _retire(pod: Pod, shelf: Shelf) -> None:
    with transaction.atomic():
        held = holding.alone(pod)
        # Under the lock nobody seals: what is not stale now stays so. A still newer version,
        # made since this shelf was looked at, is the next run's.
        newest = tree.category_key(held.id, shelf.category, pod_key_id=held.key_id).version
        stale = _records(shelf).exists() or _versions(shelf).exists()
        if newest == shelf.newest and not stale:
            tree.retire_versions(held.id, shelf.category)


def _records(shelf: Shelf) -> QuerySet[Record]:
    return Record.objects.filter(
        pod=shelf.pod, category=shelf.category, key_version__lt=shelf.newest
    )


def _versions(shelf: Shelf) -> QuerySet[RecordVersion]:
    return RecordVersion.objects.filter(
        record__pod=shelf.pod, record__category=shelf.category, key_version__lt=shelf.newest
    )
