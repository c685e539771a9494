"""Runs calls at the same moment, each with a database connection of its own."""

import fcntl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psycopg
from django.db import OperationalError, connection, connections

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


def in_thread(
    pool: ThreadPoolExecutor, work: Callable[[], Any], *expected: type[Exception]
) -> "Future[Any]":
    """Run `work` on a connection of its own; an expected error is its result."""

    def run() -> Any:
        try:
            return work()
        except expected as error:
            return error
        finally:
            connections.close_all()

    return pool.submit(run)


def wait_until_somebody_waits() -> None:
    """Return once another connection of this database waits for a lock."""
    deadline = time.monotonic() + 5
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Within a transaction the view would show its first picture again and again.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(query)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.005)
    raise AssertionError("nobody waited for the lock")


@contextmanager
def idle_transaction() -> Iterator[None]:
    """Somebody elsewhere in the cluster began a transaction and went to lunch."""
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "server_side_binding", "prepare_threshold"):
        parameters.pop(ours, None)
    with psycopg.connect(**parameters) as idle:
        idle.execute("SELECT txid_current()")
        yield


def errors(outcomes: list[Any]) -> list[Exception]:
    """Return what was raised."""
    return [each for each in outcomes if isinstance(each, Exception)]
