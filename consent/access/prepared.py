"""Runs a statement that the server has planned before, with one call of libpq. For PostgreSQL alone.

psycopg's cursor does the same in many small steps, and between them threads take Python's lock
from each other; for a read's two statements that was a quarter of what the web process spends.
So these go through the layer below it, psycopg's own: `psycopg.pq` and the adapters of its rows.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.adapt import PyFormat, Transformer

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]
Types = tuple[int, ...] | None
_PLACEHOLDER = re.compile(r"%(?:%|(?:\((\w+)\))?([stb]))")
_NOTHING_UNDER_WAY = (pq.TransactionStatus.IDLE, pq.PipelineStatus.OFF)


def is_possible(connection: Connection) -> bool:
    """Return whether a statement run now is a transaction of its own.

    In a transaction it is not for this: psycopg's cursor is what begins one, and plans that the
    server forgot could not be made again there.
    """
    below = connection.pgconn
    return connection.autocommit and (
        (below.transaction_status, below.pipeline_status) == _NOTHING_UNDER_WAY
    )


def fetch_all(
    connection: Connection, statement: str, values: Sequence[Any] | Mapping[str, Any]
) -> list[Row]:
    """Run one statement, where that `is_possible`, and return its rows. Raises psycopg's errors."""
    session = _session_of(connection)
    try:
        return session.run(statement, values)
    except errors.InvalidSqlStatementName:
        # Whoever rolls back lets psycopg throw all plans of its connection away, ours with them.
        # Nothing was run yet.
        session.forget()
        return session.run(statement, values)


class _Session:
    """What one connection has planned, by statement and types of its values."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._below = connection.pgconn
        self._adapters = Transformer.from_context(connection)
        self._names: dict[tuple[str, Types], bytes] = {}
        self._numbers = count()

    def forget(self) -> None:
        self._names.clear()

    def run(self, statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
        text, names, formats = _numbered(statement)
        if isinstance(values, Mapping):
            values = [values[name] for name in names]
        adapters = self._adapters
        sent = adapters.dump_sequence(values, formats)
        planned = self._names.get((statement, adapters.types))
        if planned is None:
            planned = self._plan(statement, text, adapters.types)
        result = self._below.exec_prepared(
            planned,
            sent,  # type: ignore[arg-type]  # None is NULL here as everywhere in psycopg
            adapters.formats,
            pq.Format.BINARY,
        )
        self._need(result, pq.ExecStatus.TUPLES_OK)
        adapters.set_pgresult(result)
        return adapters.load_rows(0, result.ntuples, tuple)

    def _plan(self, statement: str, text: bytes, types: Types) -> bytes:
        # A name is never used twice: the server may still know the older one.
        name = f"vault_{next(self._numbers)}".encode()
        self._need(self._below.prepare(name, text, types), pq.ExecStatus.COMMAND_OK)
        self._names[statement, types] = name
        return name

    def _need(self, result: pq.abc.PGresult, status: pq.ExecStatus) -> None:
        if result.status == status:
            return
        if self._below.status == pq.ConnStatus.BAD and not result.error_field(
            pq.DiagnosticField.SQLSTATE
        ):
            raise errors.OperationalError("the connection is lost")
        raise errors.error_from_result(result)


# As Django's connections are: one a thread, another after it was closed.
_of_thread = threading.local()


def _session_of(connection: Connection) -> _Session:
    session: _Session | None = getattr(_of_thread, "session", None)
    if session is None or session.connection is not connection:
        session = _of_thread.session = _Session(connection)
    return session


@cache
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...], list[PyFormat]]:
    """Return the statement as the server takes it, what its numbers stand for, and their formats.

    Each `%s` is a number of its own, each `%(name)s` one for its name; `b` instead of `s` asks
    for the binary form, as in psycopg.
    """
    names: list[str] = []
    formats: list[PyFormat] = []

    def number(found: re.Match[str]) -> str:
        name, format_ = found.groups()
        if format_ is None:
            return "%"
        if name is None or name not in names:
            names.append(name or "")
            formats.append(PyFormat(format_))
        return f"${len(names) if name is None else names.index(name) + 1}"

    text = _PLACEHOLDER.sub(number, statement).encode()
    return text, tuple(names), formats
