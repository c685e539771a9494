"""SIGTERM to a worker that is sending: what is in flight ends and is written down, or is given back."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consent.models import Delivery
from consent.revocation import courier, schedule, tasks
from tests.consent.revocation.processes import STARTS_WITHIN, House, house, house_on, wait_until
from tests.consent.revocation.receiver import Answer, Brand

# An attempt may take its whole deadline; the rest is for a busy machine.
STOPS_WITHIN = schedule.DEADLINE.total_seconds() + 15
Start = Callable[[], "subprocess.Popen[bytes]"]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[tuple[House, Start]]:
    with house(tmp_path) as made:
        yield made, lambda: made.serve("--no-web")


@pytest.fixture(params=["rabbitmq", "redis"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[House, Start]]:
    with house_on(request.param, tmp_path) as made:
        yield made, made.worker


def test_what_is_in_flight_ends_first(embedded: tuple[House, Start], listening: Brand) -> None:
    stop_while_sending(*embedded, listening)


@pytest.mark.services
@pytest.mark.postgres
def test_the_same_with_real_services(services: tuple[House, Start], listening: Brand) -> None:
    stop_while_sending(*services, listening)


def test_a_brand_that_never_answers_holds_up_no_stop_and_is_tried_again(
    embedded: tuple[House, Start], listening: Brand
) -> None:
    vault, start = embedded
    listening.answers["/brand0"] = Answer(after=2 * STOPS_WITHIN)
    worker = sending(vault, start, listening)

    assert stopped(worker) <= STOPS_WITHIN
    assert vault.ask("report")["unsettled"] == 1

    listening.answers["/brand0"] = Answer()
    start()
    wait_until(lambda: vault.ask("report")["unsettled"] == 0, STARTS_WITHIN)
    assert len(listening.effects()) == 1


def stop_while_sending(vault: House, start: Start, brand: Brand) -> None:
    brand.answers["/brand0"] = Answer(after=3.0)
    worker = sending(vault, start, brand)

    assert stopped(worker) <= STOPS_WITHIN

    report = vault.ask("report")
    assert report["unsettled"] == 0
    assert report["sent_entries"] == report["acknowledged_entries"] == 1
    assert set(brand.effects().values()) == {1}


def sending(vault: House, start: Start, brand: Brand) -> "subprocess.Popen[bytes]":
    """Return a worker with one event in flight."""
    vault.ask(f"make {brand.url} 1")
    vault.ask("end")
    worker = start()
    wait_until(lambda: brand.got, STARTS_WITHIN)
    return worker


def stopped(worker: "subprocess.Popen[bytes]") -> float:
    """Ask a worker to end and return how many seconds it took."""
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(120) == 0
    return time.monotonic() - began


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_to_end_begins_nothing_new(
    owe: Callable[..., Delivery], told: object
) -> None:
    owe()
    try:
        courier.retire()
        tasks.drain()
        assert set(Delivery.objects.values_list("attempts", flat=True)) == {0}
    finally:
        courier.close()

    tasks.drain()
    assert not Delivery.objects.unsettled().exists()
    courier.close()
