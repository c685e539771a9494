"""The world in which the stories are lived: a real vault and real brands, in processes of their own.

The vault is what `manage.py serve` starts, with the database that the tests run on. Everything a
story does goes through a page or the partner API; what it says about the log it takes from an
export that verify.py accepted.
"""

import itertools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.demo import proof
from examples.demo.person import Person
from examples.demo.report import Report
from examples.demo.world import World
from tests.worlds import give_time, own_database

_people = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give stories time: the first one of a process also starts the world."""
    give_time(items, below=Path(__file__).parent)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A vault with nine brands around it; shared, so every story brings people of its own."""
    with own_database() as settings:
        made = World(tmp_path_factory.mktemp("stories") / "var", **settings)
        try:
            made.prepare()
            made.open()
            yield made
        finally:
            made.close()


@pytest.fixture
def customer(world: World) -> Callable[..., Person]:
    """Make somebody who has opened a vault."""

    def make(name: str, language: str = "ko") -> Person:
        return newcomer(world, name, language, sign_up=True)

    return make


def newcomer(world: World, name: str, language: str, *, sign_up: bool = False) -> Person:
    """Return somebody new, with an address that no other test uses."""
    person = world.person(f"{name}{next(_people)}-{secrets.token_hex(3)}")
    person.browser.language = language
    if sign_up:
        person.sign_up()
    return person


@pytest.fixture
def report(world: World, request: pytest.FixtureRequest) -> Report:
    """What a story tells when it ends: shown by `pytest -s`, and kept in the world's folder."""
    return Report(world.vault.folder / "reports" / f"{request.node.name}.json")


@pytest.fixture
def exported(world: World, tmp_path: Path) -> Callable[[], Path]:
    """Export the whole log, and pass only if verify.py accepts it."""

    def export() -> Path:
        target = tmp_path / "export.zip"
        world.export(target)
        verdict = proof.check(target, kept=world.vault.checkpoint)
        assert verdict.holds, verdict.said
        return target

    return export
