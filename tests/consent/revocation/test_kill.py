"""Fault 1: kill -9 of a worker at twelve points of a revocation.

Each time the event is delivered within 30 s of the kill by whoever is left, and however often
the brand saw it, it saw one id and the vault counts one effect.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.consent.revocation.processes import STARTS_WITHIN, House, house, house_on, wait_until
from tests.consent.revocation.receiver import Brand

POINTS = (
    "drain.started",
    "deliveries.claiming",
    "deliveries.leased",
    "deliveries.claimed",
    "deliveries.signing",
    "sending.connected",
    "sending.sent",
    "deliveries.answered",
    "deliveries.recording",
    "deliveries.noted",
    "deliveries.entered",
    "deliveries.recorded",
)
PROMISE = 30.0
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


@pytest.fixture(params=["rabbitmq", "redis"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with house_on(request.param, tmp_path) as made:
        yield made


@pytest.mark.rule("assurance.md", "promise 1: a killed worker's work continues within 30 s")
@pytest.mark.timeout(900)
def test_a_worker_killed_at_any_point_loses_nothing_and_counts_nothing_twice(
    embedded: House, listening: Brand
) -> None:
    kill_at_every_point(embedded, listening, lambda **more: embedded.serve("--no-web", **more))


@pytest.mark.services
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_the_same_with_real_services(services: House, listening: Brand) -> None:
    kill_at_every_point(services, listening, services.worker)


def kill_at_every_point(vault: House, brand: Brand, start: Start) -> None:
    vault.ask(f"make {brand.url} {len(POINTS)}")
    ended = []
    for point in POINTS:
        ended.append(vault.ask("end")["delivery"])
        victim = start(VAULT_FAULT=point)
        assert victim.wait(STARTS_WITHIN) == -signal.SIGKILL, point

    killed = time.monotonic()
    start()
    wait_until(lambda: vault.ask("report")["unsettled"] == 0, PROMISE)
    seconds = time.monotonic() - killed

    report = vault.ask("report")
    assert report["sent_entries"] == len(POINTS)
    assert report["acknowledged"] == report["acknowledged_entries"] == len(POINTS)
    assert report["attempts"] >= len(POINTS)
    # One effect each: as many ids as endings, each at the brand that it was for.
    assert set(brand.effects()) == set(ended)
    assert all(len(paths) == 1 for paths in _paths(brand).values())
    assert seconds <= PROMISE
    assert vault.manage("sequence", "--once") == 0
    assert vault.manage("verify_log") == 0


def _paths(brand: Brand) -> dict[str, set[str]]:
    paths: dict[str, set[str]] = {}
    for got in brand.got:
        paths.setdefault(got.claims["jti"], set()).add(got.path)
    return paths
