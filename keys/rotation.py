"""Moves every key to the newest wrapping generation, then destroys the generations outlived.

Until this has run, a backup still opens what was erased since it was taken. It works on
"generation is not the current one", so it can be killed anywhere and started again; each batch
is one short transaction.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from keys import rows
from keys.exceptions import GenerationGone, Tampered
from keys.keyring import keyring
from keys.models import Key

BATCH = 500
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What one run did. `unopened` keys were left as they are, and so were their generations."""

    moved: int
    unopened: int
    retired: tuple[str, ...]


def rotate(
    *, force: bool = False, now: datetime | None = None, progress: Progress | None = None
) -> Rotated:
    """Make a generation if one is due or `force` asks, move all keys to it, retire old ones.

    `progress(done, all)` is called after each batch. Raises `ProviderAway`.
    """
    keyring().rotate_signing_key(now=now)
    current = keyring().ensure_generation(now=now, force=force)
    moved = unopened = 0
    total = stale(current)
    for batch in _batches(current):
        opened, failed = _move(batch, current)
        moved, unopened = moved + opened, unopened + failed
        if progress is not None:
            progress(moved + unopened, total)
    return Rotated(moved=moved, unopened=unopened, retired=_retire(now))


def stale(current: str) -> int:
    """Return how many keys are not yet wrapped under the current generation."""
    return Key.objects.exclude(generation=current).count()


def _batches(current: str) -> Iterator[list[UUID]]:
    """Yield the ids of stale keys. By id, so that a key that does not open is passed once."""
    after = UUID(int=0)
    while True:
        # Greater than the last one, not "the next 500 stale": what fails would come up for ever.
        ids = Key.objects.exclude(generation=current).filter(id__gt=after).order_by("id")
        batch = list(ids.values_list("id", flat=True)[:BATCH])
        if not batch:
            return
        yield batch
        after = batch[-1]


def _move(batch: list[UUID], current: str) -> tuple[int, int]:
    """Wrap one batch under the current generation; return how many moved and how many failed."""
    with transaction.atomic():
        # Locked in the order of ids, as everywhere. A key destroyed meanwhile is not found.
        stale_now = Key.objects.select_for_update().filter(id__in=batch).exclude(generation=current)
        found = list(stale_now.order_by("id"))
        moved = [wrapped for row in found if (wrapped := _rewrapped(row)) is not None]
        _store(moved)
    return len(moved), len(found) - len(moved)


def _rewrapped(row: Key) -> tuple[str, bytes, UUID, bytes] | None:
    try:
        secret = rows.opened(row)
    except (Tampered, GenerationGone):
        return None
    generation, wrapped = keyring().wrap(secret, rows.key_context(row.kind, row.id, row.ref))
    return generation, wrapped, row.id, bytes(row.wrapped)


def _store(moved: list[tuple[str, bytes, UUID, bytes]]) -> None:
    """Write the new wraps where the old ones still stand.

    Compare and set: a key that was destroyed or got a new secret since is left alone, with or
    without row locks. One statement for many rows: a million keys take a minute, not an hour.
    """
    id_column = Key._meta.pk
    written = [
        (generation, wrapped, id_column.get_db_prep_value(key_id, connection), old)
        for generation, wrapped, key_id, old in moved
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE keys_key SET generation = %s, wrapped = %s WHERE id = %s AND wrapped = %s",
            written,
        )


def _retire(now: datetime | None) -> tuple[str, ...]:
    """Destroy the outlived generations that no key needs any more; return their ids."""
    free = [
        generation.id
        for generation in keyring().outlived(now=now)
        if not Key.objects.filter(generation=generation.id).exists()
    ]
    for generation in free:
        keyring().retire(generation)
    return tuple(free)
