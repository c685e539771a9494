"""The door alone, with the slim middleware that it has in production."""

from collections.abc import Iterator

import pytest
from django.test import Client as Browser
from pytest_django import Settings

from tests import faces
from tests.consent.oauth import world
from tests.consent.oauth.world import Brand


@pytest.fixture(autouse=True)
def _slim(settings: Settings) -> Iterator[None]:
    with faces.partner(settings, world.ISSUER, routes="tests.consent.oauth.world"):
        yield


@pytest.fixture
def door() -> Browser:
    return Browser(raise_request_exception=False)


@pytest.fixture
def brand(db: None) -> Brand:
    return world.register()
