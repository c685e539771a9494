"""What every test gets: a keyring and an anchor directory of its own."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from keys import keyring
from keys.providers import FileProvider
from keys.store import Store
from tests.append_only import forgets_the_log  # noqa: F401  a fixture, and it tames flushes
from tests.described import _watched  # noqa: F401  holds the door to its description
from tests.not_run import (  # noqa: F401  pytest's hooks
    pytest_collection_modifyitems,
    pytest_sessionfinish,
    pytest_terminal_summary,
)


@pytest.fixture(scope="session")
def made_keyring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring made once: copying it costs a millisecond, making one costs many syncs."""
    directory = tmp_path_factory.mktemp("keyring")
    Store(directory, FileProvider(directory)).create(datetime.now(UTC))
    return directory


@pytest.fixture(autouse=True)
def _own_keyring_and_anchor(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, made_keyring: Path
) -> Iterator[None]:
    """Point the vault at directories that no other test sees, and watch none of them."""
    directory = tmp_path_factory.mktemp("vault")
    shutil.copytree(made_keyring, directory / "keyring")
    settings.KEYRING_DIR = directory / "keyring"
    settings.ANCHOR_DIR = directory / "anchor"
    settings.KEYRING_REOPEN_EVERY = None
    keyring.forget()
    yield
    keyring.stop_watching()
    keyring.forget()
