"""What the door says while something below it is gone, and that it serves again afterwards."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from audit import sequencer, triggers
from audit.models import Entry, LogState
from consent.models import Grant
from tests import cast
from tests.door.brand import PROBLEM, STAY, URN, Brand, code
from tests.door.server import Server, copied, serving

pytestmark = pytest.mark.django_db(transaction=True)


def told(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == PROBLEM
    assert int(answer.headers["Retry-After"]) > 0
    return answer.status, str(answer.json()["type"]).removeprefix(URN)


def calls(server: Server, hotel: Brand, call: dict[str, Any]) -> list[Any]:
    return [
        server.post("/api/v1/reads", call, hotel.token),
        server.post("/api/v1/requests", {}, hotel.token, **{"Idempotency-Key": "k"}),
        server.post("/api/v1/contributions", call, hotel.token, **{"Idempotency-Key": "k"}),
    ]


@pytest.mark.rule("a database behind its anchor: refuse to serve, say what to do", "issue")
def test_a_database_behind_its_anchor_is_not_served(
    hotel: Brand, call: dict[str, Any], tmp_path: Path
) -> None:
    """A web server that somebody started by hand, over a backup."""
    sequence()
    backup = Backup(tmp_path)
    with serving(tmp_path) as server:
        assert server.post("/api/v1/reads", call, hotel.token).status == 200
    cast.make_partner()
    sequence()
    backup.restore()

    with serving(tmp_path, database=backup.path) as server:
        for answer in calls(server, hotel, call):
            assert told(answer) == (503, "log-behind")
        assert server.get("/").status == 503
        assert "manage.py recover" in server.said()
        assert server.said().count("not serving") == 1  # once, not with each call


def sequence() -> None:
    sequencer.sequence_once()
    sequencer.publish()


class Backup:
    """The database as it was; on PostgreSQL only what the log has grown by is taken back."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = copied(tmp_path / "backup.sqlite3") if connection.vendor == "sqlite" else None
        self._size = LogState.objects.get().size

    def restore(self) -> None:
        if self.path is None:
            triggers.remove(connection)  # nobody could do this from inside
            LogState.objects.update(size=self._size)
            triggers.install(connection)


@pytest.mark.rule("a database that is restored under a running process", "assurance.md, case 27")
def test_a_log_that_shrinks_under_a_running_process_stops_it(
    hotel: Brand, call: dict[str, Any]
) -> None:
    sequence()
    assert hotel.read(call).status_code == 200
    triggers.remove(connection)
    LogState.objects.update(size=1)
    triggers.install(connection)

    for _ in range(2):
        answer = hotel.read(call)
        assert (answer.status_code, code(answer)) == (503, "log-behind")
        assert int(answer["Retry-After"]) > 0
    # Whatever wants to write an entry has stopped, too.
    asked, given = hotel.ask(cast.make_body()), hotel.contribute(call | {"record": STAY})
    assert {code(asked), code(given)} == {"log-behind"}


# PostgreSQL goes away -------------------------------------------------------------------
@contextmanager
def nobody_connects() -> Iterator[None]:
    """Close the database's door and put everybody out, as a restart would."""
    name = connection.settings_dict["NAME"]
    connection.close()
    values = {
        key: value
        for key, value in connection.get_connection_params().items()
        if key in {"user", "password", "host", "port"}
    }
    with psycopg.connect(**values, dbname="postgres", autocommit=True) as outside:
        outside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            outside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
        finally:
            outside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.postgres
@pytest.mark.rule("5: PostgreSQL restarted: 503, never half-done, then on", "assurance.md, 2.5")
def test_while_the_database_is_away_it_is_503_and_afterwards_all_is_well(
    hotel: Brand, call: dict[str, Any], tmp_path: Path
) -> None:
    with serving(tmp_path, threads=2) as server:
        assert server.post("/api/v1/reads", call, hotel.token).status == 200
        with nobody_connects():
            for _ in range(2):
                for answer in calls(server, hotel, call)[:2]:
                    assert told(answer) == (503, "database-away")
        statuses = [server.post("/api/v1/reads", call, hotel.token).status for _ in range(6)]

        # Each thread may find its old connection dead once.
        assert set(statuses[-2:]) == {200}
        assert set(statuses) <= {200, 503}
        assert "Traceback" not in server.said()
    served = 1 + statuses.count(200)
    assert Entry.objects.filter(type="record.read").count() == served


@pytest.mark.postgres
@pytest.mark.rule("lock timeout → 503 with Retry-After", "architecture.md")
def test_a_row_that_stays_locked_is_503_within_seconds(
    hotel: Brand, call: dict[str, Any], grant: Grant, tmp_path: Path
) -> None:
    from django.db import transaction

    with serving(tmp_path) as server:
        assert server.post("/api/v1/reads", call, hotel.token).status == 200
        with transaction.atomic():
            Grant.objects.select_for_update().get(pk=grant.pk)
            started = time.monotonic()
            answer = server.post("/api/v1/reads", call, hotel.token)
            waited = time.monotonic() - started
        assert told(answer) == (503, "try-again")
        assert waited < 5
        assert server.post("/api/v1/reads", call, hotel.token).status == 200
