"""A broker that was away is found again soon, however long it was away (faults 2 to 4)."""

import pytest
from kombu.exceptions import OperationalError

from config import brokers
from config.celery import app

PROMISE = 30.0
NOWHERE = "amqp://guest:guest@127.0.0.1:1//"  # nobody listens at this port


@pytest.mark.rule("assurance.md", "promise 1: broker away: notices late, none lost")
def test_no_wait_between_two_tries_is_long_however_many_there_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda _seconds: None)
    waits: list[float] = []

    def waiting(error: Exception, interval: float) -> None:
        waits.append(interval)
        if len(waits) == 200:
            raise Enough from error

    with pytest.raises(Enough), app.connection_for_read(NOWHERE) as connection:
        # As the worker and the clock of Celery ask for it.
        connection.ensure_connection(waiting, app.conf.broker_connection_max_retries)

    assert max(waits) == waits[-1] == brokers.LONGEST_WAIT
    assert waits[-1] < PROMISE / 5


def test_every_connection_of_the_vault_is_one_that_comes_back() -> None:
    assert isinstance(app.connection_for_read().clone(), brokers.Persistent)


def test_whoever_asks_for_a_few_tries_gets_no_more() -> None:
    with app.connection_for_read(NOWHERE) as connection, pytest.raises(OperationalError):
        connection.ensure_connection(max_retries=1)


class Enough(Exception):
    """A hundred tries."""
