"""Story 1, as single requests: a travel day, three brands, and one of them gets less than it asked for."""

from datetime import UTC, datetime
from typing import Any

from examples.demo import asking, brands
from examples.demo.report import expect, need
from examples.demo.staff import Staff
from examples.demo.stories import Scene
from examples.demo.world import DATA, until

SHOP, PARKING, TRANSIT = "haneul-dutyfree", "haneul-parking", "ieum-transit"
FILES = (
    ("weekend-drive.gpx", None),
    ("holidays.ics", None),
    ("itinerary.json", "itinerary.mapping.json"),
    ("indoor-wifi.csv", "indoor-wifi.mapping.json"),
)


def live(scene: Scene) -> None:
    """Live through the day."""
    world, report, seoyeon = scene.world, scene.report, scene.seoyeon
    shop, parking, transit = (world.staff(name) for name in (SHOP, PARKING, TRANSIT))
    ko = {name: world.facts(name).ko for name in (SHOP, PARKING, TRANSIT)}
    report.story("1  Airport day (공항에서의 하루)")

    with report.step("Seo-yeon opens a vault: notice, tick, code by mail"):
        page = seoyeon.sign_up()
        expect(page.url, world.vault.origin + "/", "where sign-up leads")
        need("지금은 아무도 내 정보를 볼 수 없어요" in page.text, "an empty home page")

    with report.step("she brings in a GPX track, a calendar, her bookings and Wi-Fi positions"):
        for file, mapping in FILES:
            page = seoyeon.bring(DATA / file, DATA / mapping if mapping else None)
            need("금고에 넣었어요" in page.heading, f"{file} imported")
    with report.step("of a card statement one line is wrong: it is named, the rest is kept"):
        page = seoyeon.bring(DATA / "purchases.csv", DATA / "purchases.mapping.json")
        need("4개" in page.heading and "기록 1개" in page.text, "4 purchases kept, 1 left out")

    with report.step("three brands ask, each for one purpose"):
        asked = {
            SHOP: shop.ask(asking.duty_free(seoyeon.address)),
            PARKING: parking.ask(asking.parking(seoyeon.address)),
            TRANSIT: transit.ask(asking.transit(seoyeon.address)),
        }
        for answer in asked.values():
            expect(answer.body.get("state"), "pending", "what a brand learns at first")
    with report.step("without a consent a brand reads nothing: to it, nobody is there"):
        expect(
            shop.read("itinerary", brands.BENEFITS, subject="nobody").code, "not-found", "answer"
        )

    with report.step("she lets the shop see less than it asked for"):
        chosen = seoyeon.choose(
            seoyeon.request_of(ko[SHOP]),
            share=["구매", "받은 혜택"],
            keep_back={"0": ["좌석"], "1": ["합계"]},
        )
        expect(seoyeon.ticks(chosen), ["provision"], "ticks, as no location is shared")
        done = seoyeon.agree(chosen)
        need(f"{ko[SHOP]}과 연결됐어요" in done.heading, "one warm line after the decision")
    with report.step(
        "the car park and the transit guide get what they need, location with its own tick"
    ):
        seoyeon.approve(seoyeon.request_of(ko[PARKING]), share=["받은 혜택"])
        chosen = seoyeon.choose(seoyeon.request_of(ko[TRANSIT]), share=["받은 혜택"])
        expect(seoyeon.ticks(chosen), ["provision", "location"], "ticks")
        seoyeon.agree(chosen)

    with report.step("each brand learns what was granted beside what it asked"):
        for staff, name in ((shop, SHOP), (parking, PARKING), (transit, TRANSIT)):
            expect(
                staff.poll(asked[name].body["id"]).body["state"], "approved", f"state for {name}"
            )
        need(len({shop.subject, parking.subject, transit.subject}) == 3, "a name of her for each")
    with report.step("the shop reads exactly that, and not a field more"):
        flights = shop.read("itinerary", brands.BENEFITS)
        expect(
            {key for one in flights.data for key in one},
            {"departs_at", "terminal", "gate"},
            "fields",
        )
        bought = shop.read("purchase", brands.BENEFITS)
        expect(len(bought.data), 4, "purchases")
        need(not any("total" in one for one in bought.data), "no total among the purchases")
        expect(bought.body["records"][0]["source"], {"kind": "owner"}, "source of a purchase")
    with report.step("what was not granted is refused"):
        expect(shop.read("indoor_position", brands.BENEFITS).code, "not-granted", "answer")
        expect(
            shop.read("itinerary", brands.BENEFITS, fields=["seat"]).code, "not-granted", "answer"
        )
    with report.step("coupon, parking notice and route arrive in her vault as benefits"):
        _give(shop, brands.BENEFITS, title="5,000원 쿠폰", kind="coupon")
        parking.read("itinerary", brands.SERVICE)
        _give(parking, brands.SERVICE, title="주차타워 P2 B1층 34번", kind="notice")
        transit.read("indoor_position", brands.SERVICE)
        _give(transit, brands.SERVICE, title="면세구역 동편에서 12번 탑승구까지 9분", kind="route")
        shown = seoyeon.sees("benefit")
        for text in ("5,000원 쿠폰", "34번", "9분", "하늘주차"):
            need(text in shown, f"{text!r} among the benefits received")

    with report.step("at the exit she ends all three: two taps each"):
        pages = [seoyeon.end(ko[name]) for name in (SHOP, PARKING, TRANSIT)]
    with report.step("from that moment on every read is refused"):
        for staff, purpose in (
            (shop, brands.BENEFITS),
            (parking, brands.SERVICE),
            (transit, brands.SERVICE),
        ):
            expect(staff.read("itinerary", purpose).code, "grant-ended", "answer")
    with report.step("the brands are told, destroy their copies and attest it, signed"):
        for staff in (shop, parking, transit):
            until(staff.attested, "a brand attested")
            expect(staff.copies(), [], "copies that a brand still holds")
        for page in pages:
            until(lambda each=page: "(1/1)" in seoyeon.reload(each).text, "her page counts 1 of 1")
    with report.step("she sees all of it: looked at, stopped, ended, confirmed"):
        need(
            any(ko[SHOP] in line and "막았어요" in line for line in seoyeon.activity("refused")),
            "a stop",
        )
        expect(len(seoyeon.activity("ended")), 3, "endings")
        confirmed = [line for line in seoyeon.activity("told") if "서명으로 확인했어요" in line]
        expect(len(confirmed), 3, "signed confirmations")


def _give(staff: Staff, purpose: str, **benefit: Any) -> None:
    record = {"received_at": datetime.now(UTC).isoformat(timespec="seconds"), **benefit}
    answer = staff.contribute("benefit", purpose, record)
    need(answer.ok, f"a benefit taken, not {answer.code}")
