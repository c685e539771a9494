"""A hotel at the door of the process that partners talk to; a guest with stays; another brand."""

import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from pytest_django import Settings

from config import logs
from consent.models import Grant
from tests import cast, faces
from tests.door import brand as brands
from tests.door.brand import STAY, Brand
from vault import pods
from vault.models import Pod


@pytest.fixture(autouse=True)
def _slim(settings: Settings) -> Iterator[None]:
    """The partner's process: its middleware and its routes."""
    with faces.partner(settings, brands.ISSUER):
        yield


@pytest.fixture
def operators_log() -> Iterator[StringIO]:
    """Every line that an operator's log would get, at the lowest level, as it would look."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.formatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture
def hotel(db: None) -> Brand:
    return brands.arrive()


@pytest.fixture
def other(db: None) -> Brand:
    """A brand that has nothing to do with the guest."""
    return brands.arrive()


@pytest.fixture
def pod(db: None) -> Pod:
    made = cast.make_pod()
    pods.put(made, "stay", STAY)
    return made


@pytest.fixture
def grant(hotel: Brand, pod: Pod) -> Grant:
    """The hotel may read and bring stays."""
    items = [cast.make_item("stay"), cast.make_item("stay", action="contribute")]
    return cast.make_grant(pod, hotel.made.client, items=items)


@pytest.fixture
def call(grant: Grant) -> dict[str, Any]:
    """A read that is allowed."""
    return {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
