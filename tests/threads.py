"""Runs calls at the same moment, each with a database connection of its own."""

import fcntl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from django.db import OperationalError, connection

CROWD = 16  # more than so many at once, and other tests wait with theirs


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Return what each call returned or raised, in the order of the calls."""
    gate = threading.Barrier(len(calls))
    outcomes: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        try:
            _connect()
            gate.wait(timeout=40)
            outcomes[index] = calls[index]()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    with _one_crowd() if len(calls) > CROWD else nullcontext():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    return outcomes


@contextmanager
def _one_crowd() -> Iterator[None]:
    """Let no two crowds run on one machine: together they would want all places of the server."""
    with (Path(tempfile.gettempdir()) / "consent-vault-crowd.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _connect() -> None:
    """Connect before the start, and wait while other tests hold all of the server's places."""
    for _ in range(150):
        try:
            connection.ensure_connection()
        except OperationalError as error:
            if "too many clients" not in str(error) and "reserved" not in str(error):
                raise
            time.sleep(0.2)
        else:
            return


def errors(outcomes: list[Any]) -> list[Exception]:
    """Return what was raised."""
    return [each for each in outcomes if isinstance(each, Exception)]
