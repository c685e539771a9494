"""A guest who is signed in, the hotel that asks her, and somebody else."""

from dataclasses import dataclass

import pytest
from django.test import Client as Browser

from consent import grants
from consent.actors import Actor
from consent.models import AccessRequest, Client, Grant
from tests import cast
from vault import pods
from vault.models import Pod, Record


@dataclass(frozen=True)
class World:
    """One of everything that a page can show."""

    pod: Pod
    request: AccessRequest
    decided: AccessRequest
    grant: Grant
    ended: Grant
    record: Record


@pytest.fixture
def pod(db: None) -> Pod:
    return cast.make_pod()


@pytest.fixture
def hotel(db: None) -> Client:
    made = cast.make_client(name_ko="마루호텔", name_en="Maru Hotel")
    cast.make_template(made.partner)
    return made


def signed_in(pod: Pod) -> Browser:
    """A browser in which the pod's owner is signed in."""
    browser = Browser(headers={"accept-language": "en"})
    browser.force_login(pod.owner, "allauth.account.auth_backends.AuthenticationBackend")
    return browser


@pytest.fixture
def browser(pod: Pod) -> Browser:
    return signed_in(pod)


@pytest.fixture
def stranger(db: None) -> Browser:
    return signed_in(cast.make_pod())


@pytest.fixture
def world(pod: Pod, hotel: Client) -> World:
    record = pods.put(pod, "stay", {"hotel": "Maru Hotel", "check_in": "2026-08-14"})
    grant = cast.make_grant(pod, hotel, items=[cast.make_item("stay"), cast.make_item("itinerary")])
    other = cast.make_client(name_ko="별빛렌터카", name_en="Starlight Rentals")
    cast.make_template(other.partner)
    ended = cast.make_grant(pod, other)
    grants.end(ended, Grant.EndKind.WITHDRAWN, "", Actor.owner(pod.owner))
    asked = cast.make_request(pod, other)
    decided = grant.request
    return World(pod, asked, decided, grant, ended, record)
