"""Who waits for whom over one pod. Real row locks, real threads."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import User
from keys.models import CategoryKey
from vault import holding, pods, resealing
from vault.exceptions import PodErased
from vault.models import Pod, Record

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def pod() -> Pod:
    return pods.create(User.objects.create_user("races@example.org"))


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(10) as pool:
        yield pool


def alone_in_thread(work: Callable[[], Any]) -> Any:
    """Do `work` on a connection of the thread's own, waiting for no lock longer than a second."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
        return work()
    finally:
        connection.close()


def test_a_record_into_a_category_that_has_a_key_waits_for_no_other(
    pod: Pod, threads: ThreadPoolExecutor
) -> None:
    pods.put(pod, "meal", {"dish": "첫째"})
    with transaction.atomic():
        pods.put(pod, "meal", {"dish": "둘째"})
        other = threads.submit(alone_in_thread, lambda: pods.put(pod, "meal", {"dish": "셋째"}))
        other.result(timeout=10)
    assert len(pods.read(pod, "meal")) == 3


def test_the_first_records_of_a_category_share_one_key(
    pod: Pod, threads: ThreadPoolExecutor
) -> None:
    barrier = Barrier(8)

    def put(number: int) -> Record:
        barrier.wait(10)
        return pods.put(pod, "meal", {"dish": str(number)})

    futures = [threads.submit(alone_in_thread, lambda n=n: put(n)) for n in range(8)]  # type: ignore[misc]
    for future in futures:
        future.result(timeout=30)
    assert CategoryKey.objects.filter(category="meal").count() == 1
    assert {one.value["dish"] for one in pods.read(pod, "meal")} == set("01234567")


def test_erasing_waits_for_a_record_that_is_being_written_and_takes_it_along(
    pod: Pod, threads: ThreadPoolExecutor
) -> None:
    pods.put(pod, "meal", {"dish": "첫째"})
    with transaction.atomic():
        pods.put(pod, "meal", {"dish": "둘째"})
        with pytest.raises(OperationalError):
            threads.submit(alone_in_thread, lambda: pods.destroy(pod)).result(timeout=10)
    pods.destroy(pod)
    assert not Record.objects.exists()
    with pytest.raises(PodErased):
        pods.put(pod, "meal", {"dish": "셋째"})


def test_resealing_loses_nothing_while_records_change_and_go(
    pod: Pod, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    records = [pods.put(pod, "meal", {"dish": str(number)}) for number in range(20)]
    pods.delete(records.pop())
    done = Event()

    def reseal() -> None:
        while not done.is_set():
            resealing.reseal_stale()
        resealing.reseal_stale()

    worker = threads.submit(alone_in_thread, reseal)
    for number, record in enumerate(records):
        pods.change(record, {"dish": f"new {number}"})
        if number % 6 == 0:
            pods.delete(pods.put(pod, "meal", {"dish": "gone"}))
    done.set()
    worker.result(timeout=60)
    assert {one.value["dish"] for one in pods.read(pod, "meal")} == {f"new {n}" for n in range(19)}
    assert all(len(pods.history(pod, record.id)) == 2 for record in records)
    assert CategoryKey.objects.filter(category="meal").count() == 1


def test_two_cannot_hold_a_pod_alone(pod: Pod, threads: ThreadPoolExecutor) -> None:
    def hold() -> None:
        with transaction.atomic():
            holding.alone(pod)

    with transaction.atomic():
        holding.alone(pod)
        with pytest.raises(OperationalError):
            threads.submit(alone_in_thread, hold).result(timeout=10)
