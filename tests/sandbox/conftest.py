"""A sandbox as an engineer starts it: `manage.py sandbox`, in processes of its own, over real HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.brand.refusals import Caller
from examples.demo.processes import Vault
from tests.worlds import give_time, own_database


class Practice:
    """A running sandbox, and what its table says."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.table: dict[str, Any] = json.loads((vault.folder / "table.json").read_text())
        self.callers = {
            name: Caller(vault.origin, Path(folder))
            for name, folder in self.table["programs"].items()
        }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these time: the first one of a process also fills a sandbox."""
    give_time(items, below=Path(__file__).parent)


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with own_database() as settings:
        folder = tmp_path_factory.mktemp("sandbox") / "var"
        folder.mkdir()
        vault = Vault(folder, VAULT_SANDBOX="1", **settings)
        try:
            vault.process.start("manage.py", "sandbox")
            vault.process.await_http(f"{vault.origin}/.well-known/jwks.json")
            yield Practice(vault)
        finally:
            vault.stop()
