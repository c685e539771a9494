"""Story 1, as single requests: a shop, a car park and a transit guide on one travel day."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from examples.demo import asking, brands, proof
from examples.demo.person import Person
from examples.demo.staff import Staff
from examples.demo.world import DATA, World, until

SHOP, PARKING, TRANSIT = "하늘공항 면세점", "하늘공항 주차", "이음환승"


@pytest.fixture
def traveler(customer: Callable[..., Person]) -> Person:
    """Somebody with bookings, positions and purchases in the vault, from files of other programs."""
    person = customer("traveler")
    for name in ("itinerary.json", "indoor-wifi.csv", "purchases.csv"):
        person.bring(DATA / name, DATA / f"{name.partition('.')[0]}.mapping.json")
    return person


@pytest.mark.rule("Product", "Story 1")
def test_a_travel_day_from_three_requests_to_three_confirmations(
    world: World, traveler: Person, exported: Callable[[], Path]
) -> None:
    shop, parking, transit = _three_ask(world, traveler)

    # She decides brand by brand: the shop gets neither seat nor totals nor where she is.
    page = traveler.request_of(SHOP)
    traveler.approve(page, share=["구매", "받은 혜택"], keep_back={"0": ["좌석"], "1": ["합계"]})
    traveler.approve(traveler.request_of(PARKING), share=["받은 혜택"])
    traveler.approve(traveler.request_of(TRANSIT), share=["받은 혜택"])
    for staff, request in (shop, parking, transit):
        answer = staff.poll(request).body
        assert answer["state"] == "approved"
        assert len(answer["granted"]["items"]) <= len(answer["asked"]["items"])

    # Each brand reads exactly what was granted to it.
    flights = shop[0].read("itinerary", brands.BENEFITS).data
    assert {name for flight in flights for name in flight} == {"departs_at", "terminal", "gate"}
    assert all("total" not in bought for bought in shop[0].read("purchase", brands.BENEFITS).data)
    assert shop[0].read("indoor_position", brands.BENEFITS).code == "not-granted"
    assert shop[0].read("itinerary", brands.BENEFITS, fields=["seat"]).code == "not-granted"
    assert parking[0].read("itinerary", brands.SERVICE).data[0].keys() == {
        "departs_at", "terminal", "way_there",
    }  # fmt: skip
    assert len(transit[0].read("indoor_position", brands.SERVICE).data) == 3

    # What each promised arrives, and says from whom.
    for (staff, _), purpose, title, kind in (
        (shop, brands.BENEFITS, "5,000원 쿠폰", "coupon"),
        (parking, brands.SERVICE, "주차타워 34번", "notice"),
        (transit, brands.SERVICE, "12번 탑승구까지 9분", "route"),
    ):
        assert _give(staff, purpose, title=title, kind=kind)
        assert title in traveler.sees("benefit")
    assert "하늘주차 주식회사" in traveler.sees("benefit")

    # At the exit she ends all of it; the pages count the confirmations.
    pages = [traveler.end(name) for name in (SHOP, PARKING, TRANSIT)]
    for (staff, _), purpose in (
        (shop, brands.BENEFITS), (parking, brands.SERVICE), (transit, brands.SERVICE),
    ):  # fmt: skip
        assert staff.read("itinerary", purpose).code == "grant-ended"
        until(staff.attested, "the brand attested")
        assert staff.copies() == []
    for page in pages:
        until(lambda page=page: "(1/1)" in traveler.reload(page).text, "the page counts 1 of 1")
    assert ("itinerary", "deleted") in shop[0].attested()
    assert ("itinerary", "never_stored") in transit[0].attested()  # it had promised to look only
    assert "grant-withdrawn" in parking[0].events()

    # The log says so too: no read after an end, and nobody can be found in it.
    leaves = proof.leaves(exported())
    assert sum(leaf["type"] == "grant.withdrawn" for leaf in leaves) >= 3
    assert not any(traveler.address in str(leaf) for leaf in leaves)


@pytest.mark.rule("PIPA", "Art. 22: each consent by itself")
@pytest.mark.rule("Design", "consent.md 11.2")
def test_location_has_a_tick_of_its_own_and_nothing_is_ticked_beforehand(
    world: World, traveler: Person
) -> None:
    staff = world.staff("ieum-transit")
    request = staff.ask(asking.transit(traveler.address)).body["id"]
    page = traveler.request_of(TRANSIT)
    assert not any(each.checked for each in page.form(to=page.url).inputs)
    page = traveler.choose(page)
    assert traveler.ticks(page) == ["provision", "location"]
    assert not any(each.checked for each in page.form(with_field="tick").inputs)

    # One of two ticks is no consent, and the page says so.
    page = traveler.browser.send(page.form(with_field="tick"), {"tick": "provision"})
    assert page.main.all(role="alert")
    assert staff.poll(request).body["state"] == "pending"
    traveler.agree(page)
    assert staff.poll(request).body["state"] == "approved"


@pytest.mark.rule("Product", "Bad input gets a clear error and loses nothing")
def test_a_bad_line_of_a_file_is_named_and_the_good_ones_are_kept(
    customer: Callable[..., Person],
) -> None:
    page = customer("careless").bring(DATA / "purchases.csv", DATA / "purchases.mapping.json")
    (row,) = page.main.all("tbody")[0].all("tr")
    assert "4개" in page.heading
    assert row.text.startswith("4번째 줄 ")
    assert "날짜가 틀린 가게" not in page.text


def _three_ask(world: World, person: Person) -> tuple[tuple[Staff, str], ...]:
    asked = (
        (world.staff("haneul-dutyfree"), asking.duty_free(person.address)),
        (world.staff("haneul-parking"), asking.parking(person.address)),
        (world.staff("ieum-transit"), asking.transit(person.address)),
    )
    return tuple((staff, staff.ask(request).body["id"]) for staff, request in asked)


def _give(staff: Staff, purpose: str, **benefit: Any) -> bool:
    record = {"received_at": datetime.now(UTC).isoformat(timespec="seconds"), **benefit}
    return staff.contribute("benefit", purpose, record).ok
