"""Publishes the tree: tiles and bundles, then the signature, then the checkpoint.

Every step may fail, seem to fail, or be the last before a kill. The order makes that harmless:

1. tiles and bundles go to the anchor, synced: whatever gets signed can be recovered from there
2. the anchor proves that the tree continues what was signed before
3. the new checkpoint is signed and becomes the anchor's last one, by compare-and-swap
4. its row goes to the database
5. the checkpoint file is replaced: only now does anybody see it
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection

from audit import anchor, merkle, notes, tiles
from audit.exceptions import (
    AnchorMissing,
    DatabaseBehindAnchor,
    LogForked,
    NoteMalformed,
    NoteUnverified,
    SignatureWrong,
)
from audit.merkle import HASH_SIZE
from audit.models import Checkpoint, LogState
from audit.tiles import WIDTH
from keys.keyring import keyring


def publish(*, new_anchor: bool = False) -> notes.Checkpoint | None:
    """Sign and publish the tree as it stands; return the checkpoint, None for an empty log.

    `new_anchor` accepts that the anchor directory was lost. Raises DatabaseBehindAnchor,
    LogForked, AnchorMissing, and OSError where the anchor cannot be written.
    """
    with anchor.publishing():
        state = LogState.objects.filter(origin=settings.LOG_ORIGIN).first()
        note = anchor.signed_note()
        last = None if note is None else opened(note)
        if last is None and not new_anchor and Checkpoint.objects.exists():
            raise AnchorMissing("checkpoints were published, but the anchor is empty")
        now = notes.Checkpoint(
            settings.LOG_ORIGIN,
            state.size if state else 0,
            bytes(state.root) if state else merkle.EMPTY_ROOT,
        )
        need_continuation(last, now)
        if now.size == 0:
            return None
        _publish(note, last, now)
        return now


def opened(note: str) -> notes.Checkpoint:
    """Return what the anchor's checkpoint says. Raises LogForked if we never signed it."""
    try:
        return notes.open_checkpoint(note, [verifier_key()])
    except (NoteMalformed, NoteUnverified, SignatureWrong):
        raise LogForked("the anchor holds a checkpoint that this log key never signed") from None


def _publish(note: str | None, last: notes.Checkpoint | None, now: notes.Checkpoint) -> None:
    old = last.size if last else 0
    if note is None or old < now.size:
        put_files(old, now.size)
        new = notes.sign(now.text, now.origin, [keyring().log_key()])
        anchor.swap(note, new)
        note = new
    elif anchor.published_note() == note:
        return
    # Also the rest of a publication that was cut off after its signature.
    record(now, note)
    anchor.release(note)
    drop_partials(old, now.size)


def verifier_key() -> notes.VerifierKey:
    """Return the public half of the log key, under the log's origin."""
    public = keyring().log_key().public_key().public_bytes_raw()
    return notes.VerifierKey.of(settings.LOG_ORIGIN, public)


def need_continuation(last: notes.Checkpoint | None, now: notes.Checkpoint) -> None:
    """Prove from the tiles that `now` begins with `last` and has the root it claims."""
    if last is None:
        return
    if last.origin != now.origin:
        raise LogForked("the anchor belongs to another log")
    if last.size > now.size:
        raise DatabaseBehindAnchor("the database knows less of the log than was signed")
    if tiles.root_in_database(last.size) != last.root:
        raise LogForked("the database's log does not begin with what was signed")
    if tiles.root_in_database(now.size) != now.root:
        raise LogForked("the tiles do not lead to the root")


def put_files(old: int, new: int) -> None:
    """Write every tile and bundle that is new or longer since `old` leaves."""
    for level, n, hashes in _tiles_between(old, new):
        anchor.write(tiles.path(level, n, len(hashes) // HASH_SIZE), hashes)
    for n, entries in _bundles_between(old, new):
        anchor.write(tiles.path("entries", n, len(entries)), tiles.bundle(entries))


def record(now: notes.Checkpoint, note: str) -> None:
    """Keep the checkpoint in the database, once."""
    Checkpoint.objects.get_or_create(
        size=now.size,
        defaults={"root": now.root, "note": note, "published_at": datetime.now(UTC)},
    )


def drop_partials(old: int, new: int) -> None:
    """Remove partial files of tiles that have become full (tlog-tiles allows it)."""
    for level, last, width in tiles.extents(new):
        edge = (old >> (tiles.HEIGHT * level)) // WIDTH
        if edge < last or width == WIDTH:
            for kind in (level, "entries") if level == 0 else (level,):
                anchor.remove(tiles.path(kind, edge) + ".p")


def _tiles_between(old: int, new: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield (level, n, hashes) of the tiles that changed between two sizes."""
    for level, last, width in tiles.extents(new):
        # The tile at the old right edge was partial, or did not exist yet.
        for n in range((old >> (tiles.HEIGHT * level)) // WIDTH, last + 1):
            hashes = tiles.from_database(level, n)
            # The database may have gone on since: publish what the checkpoint covers.
            yield level, n, hashes[: (width if n == last else WIDTH) * HASH_SIZE]


def _bundles_between(old: int, new: int) -> Iterator[tuple[int, list[bytes]]]:
    for n in range(old // WIDTH, (new - 1) // WIDTH + 1):
        yield n, leaves_between(n * WIDTH, min(new, (n + 1) * WIDTH))


def leaves_between(first: int, end: int) -> list[bytes]:
    """Return the leaves of [first, end), verbatim."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.leaf FROM audit_leaf l JOIN audit_entry e ON e.seq = l.seq"
            ' WHERE l."index" >= %s AND l."index" < %s ORDER BY l."index"',
            [first, end],
        )
        return [bytes(leaf) for (leaf,) in cursor.fetchall()]
