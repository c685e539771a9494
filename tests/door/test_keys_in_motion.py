"""Keys move under the readers' feet: generations change, the keyring is opened anew. No read may notice."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import close_old_connections, connection

from consent.models import Grant
from keys import keyring, rotation
from keys.generations import Keyring
from keys.models import Key
from keys.providers import FileProvider
from tests.door.brand import Brand

pytestmark = pytest.mark.django_db(transaction=True)
READERS = 8
WEEK = timedelta(days=8)


@contextmanager
def readers(hotel: Brand, call: dict[str, Any], count: int = READERS) -> Iterator[list[int]]:
    """Read through the door in many threads until the block ends; collects every status."""
    statuses: list[int] = []
    stop = threading.Event()

    def read() -> None:
        one = Brand(hotel.made, token=hotel.token)
        try:
            while not stop.is_set():
                statuses.append(one.read(call).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(read) for _ in range(count)]
        try:
            yield statuses
        finally:
            stop.set()
        for each in running:
            each.result(timeout=30)
    close_old_connections()


def for_a_while(step: Callable[[], object], seconds: float) -> int:
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        step()
        done += 1
    return done


@pytest.mark.postgres
@pytest.mark.rule("key rotation under load: 0 failed reads", "assurance.md, case 25")
def test_reads_go_on_while_every_key_gets_a_new_generation(
    hotel: Brand, call: dict[str, Any], grant: Grant
) -> None:
    before = set(Key.objects.values_list("generation", flat=True))
    with readers(hotel, call) as statuses:
        rotations = for_a_while(lambda: rotation.rotate(force=True), 3)

    assert rotations > 3
    assert len(statuses) > READERS
    assert set(statuses) == {200}
    assert not before & set(Key.objects.values_list("generation", flat=True))


@pytest.mark.postgres
@pytest.mark.rule("key rotation under load: 0 failed reads", "assurance.md, case 25")
def test_reads_go_on_while_generations_are_retired(hotel: Brand, call: dict[str, Any]) -> None:
    day = datetime.now(UTC)

    def eight_days_later() -> None:
        nonlocal day
        day += WEEK
        rotation.rotate(force=True, now=day)

    with readers(hotel, call) as statuses:
        for_a_while(eight_days_later, 3)

    assert len(statuses) > READERS
    assert set(statuses) == {200}
    assert len(keyring.keyring().generations()) <= 3


@pytest.mark.postgres
def test_reads_go_on_while_the_keyring_is_looked_at_again(
    hotel: Brand, call: dict[str, Any]
) -> None:
    ring = keyring.keyring()
    with readers(hotel, call) as statuses, ThreadPoolExecutor(2) as lookers:
        looks = [lookers.submit(for_a_while, ring.reopen, 3) for _ in range(2)]
        for_a_while(lambda: rotation.rotate(force=True), 3)
        assert all(look.result() > 3 for look in looks)

    assert set(statuses) == {200}


@pytest.mark.postgres
def test_reads_go_on_while_the_keyring_is_closed_and_opened(
    hotel: Brand, call: dict[str, Any]
) -> None:
    with readers(hotel, call) as statuses:
        for_a_while(lambda: (keyring.forget(), time.sleep(0.01)), 2)

    assert set(statuses) == {200}


class SlowProvider(FileProvider):
    """A provider that answers one look late: after all that the look saw has changed."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.slow: threading.Thread | None = None

    def unwrap(self, key_id: str, blob: bytes, context: Sequence[bytes]) -> bytes:
        # The last step of a look: by then it has read the list of generations.
        if threading.current_thread() is self.slow and context == (b"secret", b"derive"):
            self.reached.set()
            self.go_on.wait(timeout=10)
        return super().unwrap(key_id, blob, context)


def test_a_look_that_began_earlier_never_brings_back_what_it_saw(made_keyring: Path) -> None:
    directory = Path(settings.KEYRING_DIR)
    provider = SlowProvider(directory)
    ring = Keyring(directory, provider)
    provider.slow = threading.Thread(target=ring.reopen)
    provider.slow.start()
    assert provider.reached.wait(timeout=10)

    maker = threading.Thread(target=ring.ensure_generation, kwargs={"force": True})
    maker.start()
    maker.join(timeout=0.2)  # it waits for the slow look, or overtakes it
    provider.go_on.set()
    provider.slow.join()
    maker.join()

    newest = Keyring(directory, FileProvider(directory)).current()
    assert ring.current() == newest
    assert len(ring.generations()) == 2
