"""Story 8: trips of one week, one look per trip; what is beyond the budget is refused, and seen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from examples.demo import asking, brands, proof
from examples.demo.person import Person
from examples.demo.staff import Staff
from examples.demo.stories.ride_and_after import statement
from examples.demo.world import World

RIDE = "타요 라이드"


@pytest.fixture
def rider(customer: Callable[..., Person], tmp_path: Path) -> Person:
    """Somebody who brought in three rides: two of this week, one older."""
    person = customer("rider")
    person.bring(*statement(tmp_path, days_ago=(1, 3, 40)))
    return person


@pytest.fixture
def ride(world: World, rider: Person) -> Staff:
    """The ride brand, with the consent that it asked for."""
    staff = world.staff("tayo-ride")
    asked = staff.ask(asking.ride(rider.address)).body["id"]
    rider.approve(rider.request_of(RIDE))
    staff.poll(asked)
    return staff


@pytest.mark.rule("Product", "Story 8")
@pytest.mark.rule("Design", "consent.md P2")
def test_each_trip_is_looked_at_once_and_the_customer_sees_what_was_stopped(
    ride: Staff, rider: Person, tmp_path: Path, exported: Callable[[], Path]
) -> None:
    trips = ride.read("trip", brands.SERVICE).data
    assert len(trips) == 2  # the third is older than the week that she agreed to
    assert all(trip.keys() == {"from", "to", "started_at", "ended_at", "price"} for trip in trips)

    spent = ride.read("trip", brands.SERVICE)
    assert (spent.status, spent.code) == (429, "budget-spent")

    # A new trip is a new look, and takes none of the old ones along.
    rider.bring(*statement(tmp_path, days_ago=(0,)))
    assert len(ride.read("trip", brands.SERVICE).data) == 1
    assert ride.read("trip", brands.SERVICE).code == "budget-spent"

    looked = [line for line in rider.activity("read") if RIDE in line]
    stopped = [line for line in rider.activity("refused") if RIDE in line]
    assert len(looked) == 2
    assert stopped
    assert all("횟수를 다 썼" in line or "횟수" in line for line in stopped)
    reads = [leaf for leaf in proof.leaves(exported()) if leaf["type"] == "record.refused"]
    assert any(leaf["reason"] == "budget-spent" for leaf in reads)


@pytest.mark.rule("Design", "consent.md 6.4")
def test_an_answer_that_got_lost_may_be_asked_for_again(ride: Staff) -> None:
    first = ride.read("trip", brands.SERVICE, idempotency_key="lost")
    again = ride.read("trip", brands.SERVICE, idempotency_key="lost")
    assert again.data == first.data
    assert again.body["event"] != first.body["event"]
    assert ride.read("trip", brands.SERVICE).code == "budget-spent"


@pytest.mark.rule("PIPA", "Art. 37")
def test_pausing_stops_the_looks_and_ending_stops_them_for_good(ride: Staff, rider: Person) -> None:
    rider.pause_all()
    assert ride.read("trip", brands.SERVICE).code == "grant-paused"
    rider.resume_all()
    assert len(ride.read("trip", brands.SERVICE).data) == 2
    rider.end(RIDE)
    assert ride.read("trip", brands.SERVICE).code == "grant-ended"
    assert RIDE not in [card.text for card in rider.home().main.all(class_="grant")]
