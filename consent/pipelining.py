"""Sends statements whose answers nobody waits for in one go: libpq's pipeline mode.

For what holds locks that readers wait behind: there, each round trip saved is a round trip less
for all of them. A statement that is asked for its rows sends what was gathered before it, so
nothing is read out of order.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def pipeline() -> Iterator[None]:
    """Gather statements until one is asked for its rows, or the outermost such block ends.

    Their errors come up then, as Django's own. The caller is in a transaction, which is what
    makes it harmless that a later statement was sent before an earlier one failed.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("statements are gathered in a transaction")
    if connection.vendor != "postgresql" or _is_gathering():
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def _is_gathering() -> bool:
    # A block inside another would only add a round trip at its own end.
    return bool(connection.connection.pgconn.pipeline_status)
