"""When a record changed, as a number that orders changes: what a feed of changes counts by.

On PostgreSQL it is the number of the transaction, so that whoever writes waits for nobody. A
transaction may commit later than one with a higher number; a reader therefore remembers where
nothing was under way any more (`pg_snapshot_xmin`), not the highest number that it saw. On
SQLite, where one transaction writes at a time, it is the clock.
"""

from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Func

# The lowest number that a change may still get that a reader does not see yet.
_MICROSECOND = "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))"
SETTLED = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


def newest() -> int:
    """Return a number that no change has reached yet."""
    newest = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {newest if connection.vendor == 'postgresql' else _MICROSECOND}")
        (number,) = cursor.fetchone()
    return int(number)


class Position(Func):
    """The position of a change that is being made now."""

    output_field = BigIntegerField()
    arity = 0

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Return the number of this transaction."""
        template = "(pg_current_xact_id()::text::bigint)"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Return the microsecond."""
        return self.as_sql(compiler, connection, template=_MICROSECOND, **extra)
