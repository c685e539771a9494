"""Faults 2 to 4: the broker goes away. Reads are blocked all the same; nothing owed is lost."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.consent.revocation.processes import (
    BROKER,
    REDIS,
    STARTS_WITHIN,
    House,
    Proxy,
    database,
    house,
    wait_until,
)
from tests.consent.revocation.receiver import Brand

pytestmark = [pytest.mark.services, pytest.mark.postgres, pytest.mark.timeout(300)]


@pytest.fixture(params=["rabbitmq", "redis"])
def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[House, Proxy]]:
    url = urlsplit({"rabbitmq": BROKER, "redis": REDIS}[request.param])
    proxy = Proxy(url.hostname or "127.0.0.1", url.port or 0)
    user = f"{url.username}:{url.password}@" if url.username else ""
    broker = f"{url.scheme}://{user}127.0.0.1:{proxy.port}{url.path}"
    with (
        database() as where,
        house(tmp_path, DATABASE_URL=where, CELERY_BROKER_URL=broker) as made,
    ):
        made.worker()
        made.beat()
        yield made, proxy
        proxy.mend()
    proxy.close()


def test_what_ended_while_the_broker_was_away_is_told_when_it_is_back(
    proxied: tuple[House, Proxy], listening: Brand
) -> None:
    vault, proxy = proxied
    vault.ask(f"make {listening.url} 3")
    vault.ask("end")
    wait_until(lambda: vault.ask("report")["unsettled"] == 0, STARTS_WITHIN)

    proxy.cut()
    vault.ask("end")  # ends, and owes, without a broker
    # Worker and clock have both been turned away more than once.
    wait_until(lambda: proxy.refused >= 5, 60)
    vault.ask("end")
    proxy.mend()

    seconds = wait_until(lambda: vault.ask("report")["unsettled"] == 0, 30)
    assert seconds <= 30
    assert set(listening.effects().values()) == {1}
    assert vault.ask("report")["sent_entries"] == 3
