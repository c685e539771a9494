"""Story 1 as one journey: three brands ask together; at the exit one is slow, one lies, one is down."""

import json
from datetime import timedelta

from examples.demo import asking, brands, endings
from examples.demo.pages import Node, Page
from examples.demo.report import expect, need
from examples.demo.staff import Staff
from examples.demo.stories import Scene
from examples.demo.world import DATA, World, until

SHOP, HOTEL, RENTAL = CREW = ("haneul-dutyfree", "maru-jeju", "baram-rental")
PLACES = (("면세점", "Duty free"), ("숙소", "Hotel"), ("렌터카", "Car rental"))
LOOKS = {
    SHOP: ("itinerary", brands.BENEFITS),
    HOTEL: ("preferences", brands.PERSONAL),
    RENTAL: ("vehicle_interest", brands.RECOMMEND),
}
NAME = "제주 가는 날"


def live(scene: Scene) -> None:
    """Live through the journey and what comes after its end."""
    world, report, seoyeon = scene.world, scene.report, scene.seoyeon
    crew = {name: world.staff(name) for name in CREW}
    shop, hotel, rental = crew.values()
    report.story("1  Airport day, as a journey (동맹 · 여정)")

    with report.step("three brands are an alliance, and ask together"):
        seoyeon.bring(DATA / "preferences.json", DATA / "preferences.mapping.json")
        asked = _ask(world, crew, seoyeon.address)
    with report.step("Seo-yeon decides brand by brand, on one page, every tick apart"):
        seoyeon.decide_journey(seoyeon.journey_of(NAME), {1: [], 2: [], 3: []})
        for name, staff in crew.items():
            expect(staff.poll(asked[name]).body["state"], "approved", f"state for {name}")
            need(staff.read(*LOOKS[name]).ok, f"an answer for {name}")

    with report.step(
        "at the exit one brand is slow, one will lie, one is down: one button ends all"
    ):
        shop.manners(slow=1)
        hotel.manners(lying=True)
        world.servers["roads"].stop()
        page = seoyeon.end_journey(NAME)
        for name in (SHOP, HOTEL):
            expect(crew[name].read(*LOOKS[name]).code, "grant-ended", f"answer for {name}")
    with report.step("the slow one confirms in its own time, the liar acknowledges"):
        until(shop.attested, "the shop attested")
        until(lambda: "grant-withdrawn" in hotel.events(), "the hotel was told")
    with report.step("the one that was down hears of it when it comes back, and confirms"):
        world.servers["roads"].start(201)
        world.servers["roads"].ready()
        expect(rental.read(*LOOKS[RENTAL]).code, "grant-ended", "answer")
        # It would be tried again within the minute; nobody wants to watch that.
        endings.try_again(world, RENTAL)
        until(rental.attested, "the rental brand attested")

    with report.step("weeks pass; the liar is late on her page, and on the regulator's list"):
        endings.move_on(world, seoyeon.address, timedelta(days=60))
        seen = _parts(seoyeon.reload(page))
        late = [name for name, part in seen.items() if part.all(class_="step--late")]
        expect(late, [world.facts(HOTEL).ko], "who is late")
        listed = {one["brand"] for one in endings.overdue(world)}
        expect(listed, {world.facts(HOTEL).legal_ko}, "who is listed")
    endings.tell(report, world, crew, seen)
    with report.step("until it answers it may ask nobody for anything; it is never too late"):
        again = hotel.ask(asking.hotel_stay({"link": True}, "JEJU-2"))
        expect(again.code, "requests-barred", "answer")
        for staff in crew.values():
            staff.manners()
        need(hotel.settle().ok, "an answer at last")
        until(lambda: "(4/4)" in seoyeon.reload(page).text, "her page counts 4 of 4")
        expect(endings.overdue(world), [], "the regulator's list")


def _ask(world: World, crew: dict[str, Staff], mail: str) -> dict[str, str]:
    """Make the alliance, and let its lead ask for all; return each brand's request."""
    names = ("--name-ko", "하늘여행 동맹", "--name-en", "Haneul Travel")
    members = [world.partners[name] for name in CREW]
    alliance = world.vault.manage("make_alliance", *members, *names).strip()
    wanted = (
        asking.duty_free("nobody@customer.example"),
        asking.hotel_stay({"link": True}, "JEJU-1"),
        asking.rental({"link": True}, "JEJU-1"),
    )
    stops = [
        (*place, _client(world, name), request)
        for place, name, request in zip(PLACES, CREW, wanted, strict=True)
    ]
    answer = crew[SHOP].ask_journey(asking.journey(alliance, {"mail": mail}, stops))
    need(answer.ok, f"a journey that was taken, not {answer.code}")
    return {name: stop["request"] for name, stop in zip(CREW, answer.body["stops"], strict=True)}


def _client(world: World, name: str) -> str:
    written = json.loads((world.vault.folder / "brands" / name / "client.json").read_text())
    return str(written["clients"][0]["client_id"])


def _parts(page: Page) -> dict[str, Node]:
    """Return the brands' parts of the journey's page, by name."""
    return {part.all("h3")[0].text: part for part in page.main.all("article", class_="part")}
