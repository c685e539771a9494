"""Lets a transactional test be cleaned up although the log cannot be deleted.

Its teardown empties every table; the log's triggers refuse that, and they should. So they are
taken down for exactly that moment. Tests themselves always run with them on.
"""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import TransactionTestCase

from audit import anchor, triggers

_flush = TransactionTestCase._fixture_teardown


def _flush_without_triggers(self: TransactionTestCase) -> None:
    triggers.remove(connection)
    try:
        _flush(self)
    finally:
        triggers.install(connection)


TransactionTestCase._fixture_teardown = _flush_without_triggers


@pytest.fixture(autouse=True)
def forgets_the_log() -> Iterator[None]:
    """A process that has not seen any log yet: the one of the test before was longer."""
    anchor.forget()
    yield
    anchor.forget()
