"""The read path's statements go past psycopg's cursor; what comes back is what the cursor brings."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import (
    Error,
    IntegrityError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from consent.access import prepared, statements
from consent.models import Grant
from tests.consent.access.conftest import Read
from tests.threads import wait_until_somebody_waits

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OF_EACH_TYPE: dict[str, list[Any]] = {
    "boolean": [True, False], "integer": [7, 70_000], "bigint": [7, 70_000, 2**40],
    "text": ["객실 '%' $1 \\", ""], "bytea": [b"\0\x01%s", b""], "uuid": [UUID(int=5)],
    "timestamptz": [NOW], "interval": [timedelta(days=3, seconds=1)], "text[]": [["a", None, "b"], []],
}  # fmt: skip


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that went past the cursor."""
    seen: list[str] = []
    whole = prepared.fetch_all

    def watched(where: Any, statement: str, values: Any) -> list[Any]:
        seen.append(statement)
        return whole(where, statement, values)

    monkeypatch.setattr(prepared, "fetch_all", watched)
    return seen


def test_values_come_back_as_the_cursor_brings_them(planned: list[str]) -> None:
    connection.ensure_connection()
    for type_, each in OF_EACH_TYPE.items():
        statement = (
            f"SELECT %(value)s::{type_}, %(value)s::{type_} IS NULL, 5 %% 3, %(list)b::{type_}[]"
        )
        if type_ == "text[]":
            statement = statement.removesuffix("[]")
        for value in (*each, None, *each):
            values = {"value": value, "list": ["a"] if type_ == "text[]" else [value, *each]}
            with connection.connection.cursor(binary=True) as cursor:
                wanted = cursor.execute(statement, values).fetchall()
            assert statements.fetch_all(statement, values) == wanted, type_
    assert set(planned) and len(planned) == sum(2 * len(each) + 1 for each in OF_EACH_TYPE.values())


def test_nameless_values_are_taken_in_their_order() -> None:
    for values in ([1, "a", None], [2**20, "b", NOW], [2**40, "c", None]):
        rows = statements.fetch_all("SELECT %s, %s::text, %s::timestamptz, 'a%%'", values)
        assert rows == [(*values, "a%")]


def test_a_statement_is_planned_once_for_each_kind_of_values() -> None:
    statement = "SELECT %(n)s + 0, 'planned once'"
    for n in (1, 2, 3, 2**40, 2**41, 4):
        assert statements.fetch_all(statement, {"n": n}) == [(n, "planned once")]
    known = statements.fetch_all(
        "SELECT count(*)::int FROM pg_prepared_statements WHERE statement LIKE %s",
        ["%planned once%"],
    )
    assert known == [(2,)]


def test_plans_that_a_rollback_threw_away_are_made_again(read: Read, stay: Any) -> None:
    assert read()["records"]
    for _ in range(2):
        with transaction.atomic():
            Grant.objects.count()
            transaction.set_rollback(True)
        assert read()["records"]
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert read()["records"]


def test_in_a_transaction_it_is_the_cursors_turn(planned: list[str]) -> None:
    with transaction.atomic():
        # psycopg begins a transaction with its cursor's first statement: this must not come before.
        statements.fetch_all("SELECT set_config('vault.test', 'here', true)", {})
        assert statements.fetch_all("SELECT current_setting('vault.test')", {}) == [("here",)]
        with connection.connection.pipeline():
            assert statements.fetch_all("SELECT 2", {}) == [(2,)]
    assert planned == []
    assert statements.fetch_all("SELECT 3", {}) == [(3,)]
    assert planned == ["SELECT 3"]


@pytest.mark.parametrize(
    ("statement", "error", "cause"),
    [
        ("SELECT nonsense", Error, psycopg.errors.UndefinedColumn),
        ("SELECT 1 / %(n)s", Error, psycopg.errors.DivisionByZero),
        (
            "INSERT INTO audit_pending (seq) VALUES (%(n)s), (%(n)s) RETURNING seq",
            IntegrityError, psycopg.errors.UniqueViolation,
        ),
        ("SELECT pg_sleep(%(n)s + 5)", OperationalError, psycopg.errors.QueryCanceled),
    ],
)  # fmt: skip
def test_errors_are_djangos(statement: str, error: type[Exception], cause: type[Exception]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '500ms'")
    try:
        with pytest.raises(error) as caught:
            statements.fetch_all(statement, {"n": 0} if "n)" in statement else {})
        assert isinstance(caught.value.__cause__, cause)
        # Nothing is left behind that the next statement would stumble over.
        assert statements.fetch_all("SELECT 1", {}) == [(1,)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")


def test_a_lock_that_is_not_had_in_time_is_an_error_of_its_own(grant: Grant) -> None:
    refused: list[BaseException] = []

    def wait() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '300ms'")
            statements.fetch_all(
                "SELECT id FROM consent_grant WHERE id = %(id)s FOR SHARE", {"id": grant.pk}
            )
        except OperationalError as error:
            refused.append(error.__cause__ or error)
        finally:
            connections.close_all()

    with transaction.atomic():
        Grant.objects.select_for_update().get(pk=grant.pk)
        waiting = threading.Thread(target=wait)
        waiting.start()
        wait_until_somebody_waits()
        waiting.join(10)
    assert [type(error) for error in refused] == [psycopg.errors.LockNotAvailable]


def test_a_connection_that_is_cut_is_an_outage_and_the_next_one_works(
    read: Read, stay: Any
) -> None:
    assert read()["records"]
    number = connection.connection.info.backend_pid
    with psycopg.connect(**_elsewhere()) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [number])
    with pytest.raises(OperationalError):
        read()
    connection.close_if_unusable_or_obsolete()  # as between two requests
    assert read()["records"]


def _elsewhere() -> dict[str, Any]:
    found = connection.get_connection_params()
    return {
        name: found[name]
        for name in ("dbname", "user", "password", "host", "port")
        if name in found
    }
