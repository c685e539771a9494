"""The cast of most tests: a guest with a pod, a hotel with a client, a grant between them."""

from pathlib import Path

import pytest

from consent.actors import Actor
from consent.models import Client, Grant
from tests import cast
from tests.backups import Backup, Taken, publish
from vault.models import Pod


@pytest.fixture
def pod(db: None) -> Pod:
    return cast.make_pod()


@pytest.fixture
def stranger(db: None) -> Pod:
    """Somebody else's pod."""
    return cast.make_pod()


@pytest.fixture
def hotel(db: None) -> Client:
    """A hotel's client with a registered purpose."""
    made = cast.make_client()
    cast.make_template(made.partner)
    return made


@pytest.fixture
def grant(pod: Pod, hotel: Client) -> Grant:
    return cast.make_grant(pod, hotel)


@pytest.fixture
def owner(pod: Pod) -> Actor:
    return Actor.owner(pod.owner)


@pytest.fixture
def back_up(tmp_path: Path) -> Taken:
    """Sequence, publish, and take a backup."""

    def take() -> Backup:
        publish()
        return Backup(tmp_path / "backup.sqlite3")

    return take
