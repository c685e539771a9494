"""The sequencer's bulk statements, in the fastest way each database has."""

from collections.abc import Mapping, Sequence

from django.db import connection

_UPSERT_TILE = """
INSERT INTO audit_tile (level, n, width, hashes) VALUES (%s, %s, %s, %s)
ON CONFLICT (level, n) DO UPDATE SET width = excluded.width, hashes = excluded.hashes
"""


def add_leaves(first: int, leaves: Sequence[tuple[int, bytes]]) -> None:
    """Give (seq, hash) pairs the indexes from `first` on."""
    rows = [(first + offset, seq, hashed) for offset, (seq, hashed) in enumerate(leaves)]
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.executemany(
                'INSERT INTO audit_leaf ("index", seq, leaf_hash) VALUES (%s, %s, %s)', rows
            )
            return
        with cursor.copy(
            'COPY audit_leaf ("index", seq, leaf_hash) FROM STDIN (FORMAT BINARY)'
        ) as copy:
            copy.set_types(["int8", "int8", "bytea"])
            for row in rows:
                copy.write_row(row)


def put_tiles(grown: Mapping[tuple[int, int], bytes]) -> None:
    """Store tiles that are new or longer."""
    rows = [(level, n, len(hashes) // 32, hashes) for (level, n), hashes in grown.items()]
    with connection.cursor() as cursor:
        cursor.executemany(_UPSERT_TILE, rows)


def no_longer_pending(seqs: Sequence[int]) -> None:
    """Remove exactly these marks: a lower number may still commit."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DELETE FROM audit_pending WHERE seq = ANY(%s)", [list(seqs)])
        else:
            cursor.executemany("DELETE FROM audit_pending WHERE seq = %s", [(n,) for n in seqs])
