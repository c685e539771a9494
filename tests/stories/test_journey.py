"""Story 1 as one journey: of three brands one is slow, one lies, one is down at the exit."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from examples.demo import asking, brands, endings, proof
from examples.demo.pages import Node, Page
from examples.demo.person import Person
from examples.demo.report import Report
from examples.demo.staff import Staff
from examples.demo.world import DATA, World, until

SHOP, HOTEL, RENTAL = "haneul-dutyfree", "maru-jeju", "baram-rental"
PLACES = {
    SHOP: ("면세점", "Duty free"),
    HOTEL: ("숙소", "Hotel"),
    RENTAL: ("렌터카", "Car rental"),
}
PURPOSES = {SHOP: brands.BENEFITS, HOTEL: brands.PERSONAL, RENTAL: brands.RECOMMEND}
KINDS = {SHOP: "itinerary", HOTEL: "preferences", RENTAL: "vehicle_interest"}


@pytest.fixture
def alliance(world: World) -> str:
    """An alliance of three brands whose servers know nothing of each other.

    Each test has one of its own: in one of them a brand leaves it.
    """
    partners = [world.partners[name] for name in (SHOP, HOTEL, RENTAL)]
    names = ("--name-ko", "하늘여행 동맹", "--name-en", "Haneul Travel")
    return world.vault.manage("make_alliance", *partners, *names).strip()


@pytest.fixture
def traveler(customer: Callable[..., Person]) -> Person:
    """Somebody with bookings, tastes and purchases in the vault."""
    person = customer("voyager")
    for name in ("itinerary.json", "preferences.json", "purchases.csv"):
        person.bring(DATA / name, DATA / f"{name.partition('.')[0]}.mapping.json")
    return person


@pytest.fixture
def crew(world: World) -> Iterator[dict[str, Staff]]:
    """The people of the three brands."""
    staff = {name: world.staff(name) for name in (SHOP, HOTEL, RENTAL)}
    yield staff
    for name in (SHOP, HOTEL):
        staff[name].manners()
    staff[HOTEL].settle()
    server = world.servers["roads"]
    if server.process.child is None or server.process.child.poll() is not None:
        _come_back(world)


def _come_back(world: World) -> None:
    world.servers["roads"].start(201)
    world.servers["roads"].ready()


@pytest.fixture
def asked(world: World, alliance: str, crew: dict[str, Staff]) -> dict[str, str]:
    """The journey's link code, and each brand's request."""
    return _ask(world, alliance, crew, {"link": True})


def _ask(
    world: World, alliance: str, crew: dict[str, Staff], subject: dict[str, object]
) -> dict[str, str]:
    clients = {name: _client(world, name) for name in crew}
    whole = {
        SHOP: asking.duty_free("nobody@customer.example"),
        HOTEL: asking.hotel_stay({"link": True}, "JEJU-1"),
        RENTAL: asking.rental({"link": True}, "JEJU-1"),
    }
    stops = [(*PLACES[name], clients[name], whole[name]) for name in crew]
    answer = crew[SHOP].ask_journey(asking.journey(alliance, subject, stops))
    assert answer.ok, answer.body
    found = {name: stop["request"] for name, stop in zip(crew, answer.body["stops"], strict=True)}
    return {**found, "code": answer.body.get("link", {}).get("code", "")}


def _client(world: World, name: str) -> str:
    written = json.loads((world.vault.folder / "brands" / name / "client.json").read_text())
    return str(written["clients"][0]["client_id"])


def _read(crew: dict[str, Staff], name: str) -> list[dict[str, object]]:
    return crew[name].read(KINDS[name], PURPOSES[name]).data


@pytest.mark.rule("Product", "Story 1, as a journey")
@pytest.mark.rule("Design", "portal.md: one closed block per brand; one exit")
def test_a_journey_is_decided_brand_by_brand_and_left_with_one_button(
    world: World,
    traveler: Person,
    crew: dict[str, Staff],
    asked: dict[str, str],
    exported: Callable[[], Path],
    report: Report,
) -> None:
    # One code leads to all of it; what is ticked for one brand says nothing to another.
    page = traveler.enter_code(asked["code"])
    assert page.heading == "제주 가는 날"
    page = traveler.browser.send(page.form(to=page.url))
    blocks = page.main.all("article", class_="leg")
    assert ["하늘공항 면세점" in blocks[0].text, "마루리조트 제주" in blocks[1].text] == [
        True,
        True,
    ]
    assert not any(each.checked for each in page.form(with_field="stop1-answer").inputs)
    page = traveler.decide_journey(page, {1: ["구매"], 2: ["숙박"], 3: []})
    for name in (SHOP, HOTEL, RENTAL):
        assert crew[name].poll(asked[name]).body["state"] == "approved"
    assert "2 brands" not in page.text

    # Each reads exactly its own.
    assert {"departs_at", "terminal", "gate", "seat"} >= set(_read(crew, SHOP)[0])
    assert _read(crew, HOTEL)[0]["pillow"] == "buckwheat"
    assert crew[RENTAL].read("vehicle_interest", brands.RECOMMEND).ok
    assert crew[SHOP].read("preferences", brands.BENEFITS).code == "not-granted"
    assert crew[HOTEL].read("itinerary", brands.PERSONAL).code == "not-granted"

    # At the exit one brand is down, one slow, and one lies: it acknowledges and does nothing.
    crew[SHOP].manners(slow=3)
    crew[HOTEL].manners(lying=True)
    world.servers["roads"].stop()
    page = traveler.end_journey("제주 가는 날")
    for name in (SHOP, HOTEL):
        assert crew[name].read(KINDS[name], PURPOSES[name]).code == "grant-ended"
    until(lambda: _acknowledged(traveler.reload(page)) >= {"마루리조트 제주"}, "the liar answered")
    until(crew[SHOP].attested, "the shop attested, in its own time")
    until(
        lambda: "(1/4)" in traveler.reload(page).text,
        "the page counts 1 of 4: the hotel has a processor",
    )

    # The one that was down hears of it when it comes back.
    _come_back(world)
    assert crew[RENTAL].read("vehicle_interest", brands.RECOMMEND).code == "grant-ended"
    until(crew[RENTAL].attested, "the rental brand heard of it and attested")
    until(lambda: "(2/4)" in traveler.reload(page).text, "the page counts 2 of 4")

    # The one that never confirms stays visible, is told on, and may ask nothing new.
    endings.move_on(world, traveler.address, timedelta(days=60))
    seen = traveler.reload(page)
    assert _late(seen) == ["마루리조트 제주"]
    endings.tell(report, world, crew, _parts(seen))
    told = json.loads(report.path.read_text())["tables"]
    assert [bool(one["attested"]) for one in told["Each brand"]] == [True, False, True]
    assert [one["brand"] for one in told["What the customer sees"]] == [*_parts(seen)]
    # The hotel owes for itself and for its processor, and nobody else is on the regulator's list.
    assert {one["brand"] for one in told["The regulator's list"]} == {world.facts(HOTEL).legal_ko}
    assert {one["holder"] for one in told["The regulator's list"]} == {"", "객실관리 예시"}
    listed = world.vault.manage("overdue", "--json") + world.vault.manage("overdue", "--csv")
    for personal in (traveler.address, *(staff.subject for staff in crew.values())):
        assert personal not in listed + report.path.read_text()
    until(
        lambda: any("늦어지고" in mail.subject for mail in traveler.mails()), "the customer is told"
    )
    again = crew[HOTEL].ask(asking.hotel_stay({"link": True}, "JEJU-2"))
    assert again.code == "requests-barred"

    # It is never too late to do one's duty.
    crew[HOTEL].manners()
    assert crew[HOTEL].settle().ok
    until(lambda: "(4/4)" in traveler.reload(page).text, "the page counts 4 of 4")
    assert crew[HOTEL].ask(asking.hotel_stay({"link": True}, "JEJU-3")).ok

    leaves = proof.leaves(exported())
    assert sum(leaf["type"] == "journey.ended" for leaf in leaves) == 1
    assert not any("journey" in leaf and ("grant" in leaf or "request" in leaf) for leaf in leaves)


def _parts(page: Page) -> dict[str, Node]:
    """The brands' parts of the journey's page, by name."""
    return {each.all("h3")[0].text: each for each in page.main.all("article", class_="part")}


def _late(page: Page) -> list[str]:
    return [name for name, part in _parts(page).items() if part.all(class_="step--late")]


def _acknowledged(page: Page) -> set[str]:
    """The brands whose customer sees that they were told and answered."""
    return {
        name
        for name, part in _parts(page).items()
        if [state for state, _ in endings.steps(part)][:2] == ["done", "done"]
    }


@pytest.mark.rule("Issue", "a brand that leaves the alliance loses what it had through it")
def test_a_brand_that_leaves_the_alliance_loses_what_it_had_through_it(
    world: World,
    alliance: str,
    traveler: Person,
    crew: dict[str, Staff],
) -> None:
    asked = _ask(world, alliance, crew, {"mail": traveler.address})
    traveler.decide_journey(traveler.journey_of("제주 가는 날"), {1: [], 2: [], 3: None})
    for name in (SHOP, HOTEL):
        crew[name].poll(asked[name])
        assert crew[name].read(KINDS[name], PURPOSES[name]).ok
    assert crew[RENTAL].poll(asked[RENTAL]).body["state"] == "pending"  # as if nobody was there

    world.vault.manage("leave_alliance", alliance, world.partners[SHOP])

    assert crew[SHOP].read("itinerary", brands.BENEFITS).code == "grant-ended"
    assert crew[HOTEL].read("preferences", brands.PERSONAL).ok
    until(lambda: "grant-revoked" in crew[SHOP].events(), "the shop was told")
    assert any("동맹" in line for line in traveler.activity("ended"))
