"""Door and pages together, as the first run serves them; a guest in a browser, a hotel of level 2."""

from collections.abc import Iterator

import pytest
from django.test import Client as Browser
from pytest_django import Settings

from tests import cast, faces
from tests.consent.oauth import world
from tests.consent.oauth.flow.hotel import Hotel
from vault import pods
from vault.models import Pod

STAY = {"hotel": "Maru Hotel", "room": "1204", "check_in": "2026-11-20", "check_out": "2026-11-22"}


@pytest.fixture(autouse=True)
def _whole(settings: Settings, _slim: None) -> Iterator[None]:
    with faces.whole(settings, world.ISSUER):
        yield


@pytest.fixture
def guest(db: None) -> Pod:
    made = cast.make_pod()
    pods.put(made, "stay", STAY)
    return made


def signed_in(pod: Pod) -> Browser:
    """A browser in which the pod's owner is signed in."""
    made = Browser(headers={"accept-language": "en"}, raise_request_exception=False)
    made.force_login(pod.owner, "allauth.account.auth_backends.AuthenticationBackend")
    return made


@pytest.fixture
def browser(guest: Pod) -> Browser:
    return signed_in(guest)


@pytest.fixture
def hotel(db: None) -> Hotel:
    return Hotel.arrive()
