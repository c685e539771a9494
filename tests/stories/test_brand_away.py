"""A brand that was away is told when it comes back; one that is lied to does nothing."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3
from joserfc import jwt
from joserfc.jwk import ECKey

from examples.demo import asking, brands
from examples.demo.person import Person
from examples.demo.staff import Staff
from examples.demo.stories.ride_and_after import statement
from examples.demo.world import World, until

RIDE, FOLDER = "타요 라이드", "tayo-ride"


@pytest.fixture
def rider(customer: Callable[..., Person], tmp_path: Path) -> Person:
    """Somebody with one ride in the vault."""
    person = customer("rider")
    person.bring(*statement(tmp_path, days_ago=(1,)))
    return person


@pytest.fixture
def ride(world: World, rider: Person) -> Staff:
    """A ride brand that has read the ride and keeps a copy of it."""
    staff = world.staff(FOLDER)
    asked = staff.ask(asking.ride(rider.address)).body["id"]
    rider.approve(rider.request_of(RIDE))
    staff.poll(asked)
    assert staff.read("trip", brands.SERVICE).ok
    assert staff.copies() == ["trip"]
    return staff


@pytest.mark.rule("Product", "Confirmed revocation")
@pytest.mark.rule("Design", "assurance.md 1")
def test_a_brand_that_was_away_is_told_when_it_comes_back(
    world: World, ride: Staff, rider: Person
) -> None:
    server = world.servers["roads"]
    server.stop()
    page = rider.end(RIDE)
    assert "아무것도 볼 수 없어요" in page.text
    assert "(0/1)" in page.text
    server.start(1)
    server.ready()
    assert ride.read("trip", brands.SERVICE).code == "grant-ended"  # ended is ended, told or not
    until(ride.attested, "the brand heard of it and attested")
    assert ride.attested() == [("trip", "deleted")]
    assert ride.copies() == []
    until(lambda: "(1/1)" in rider.reload(page).text, "the page counts it")
    assert ride.settle().body == {"settled": 0}


@pytest.mark.rule("RFC 8935", "section 2.4")
def test_a_forged_event_makes_no_brand_destroy_anything(world: World, ride: Staff) -> None:
    forged = jwt.encode(
        {"alg": "ES256", "typ": "secevent+jwt"},
        {
            "iss": world.vault.origin, "aud": world.partners[FOLDER], "iat": int(time.time()),
            "jti": "forged", "sub_id": {"format": "opaque", "id": ride.subject},
            "events": {f"{world.vault.origin}/secevent/event-type/grant-withdrawn": {
                "grant": ride.grants[0],
                "obligations": [{"id": "forged", "categories": ["trip"]}],
            }},
        },
        ECKey.generate_key("P-256"),
    )  # fmt: skip
    http = urllib3.PoolManager(retries=False)
    for sent in (forged, forged[:-8], "", "a.b.c"):
        answer = http.request("POST", f"{ride.url}/events", body=sent.encode())
        assert answer.status == 400
        assert answer.json()["err"] == "invalid_key"
    assert ride.copies() == ["trip"]
