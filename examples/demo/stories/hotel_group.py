"""Story 2: three hotels of one group, a guest without an account, a photo that is only looked at."""

from datetime import date, timedelta
from pathlib import Path

from examples.demo import asking, brands
from examples.demo.report import expect, need
from examples.demo.staff import Staff
from examples.demo.stories import Scene
from examples.demo.world import DATA, until

SEOUL, JEJU, BUSAN, RENTAL = "maru-seoul", "maru-jeju", "maru-busan", "baram-rental"
STAY = "MS-20311"


def live(scene: Scene) -> None:
    """Live through the stay."""
    world, report, emma = scene.world, scene.report, scene.emma
    seoul, jeju, busan, rental = (world.staff(name) for name in (SEOUL, JEJU, BUSAN, RENTAL))
    en = {name: world.facts(name).en for name in (SEOUL, JEJU, BUSAN, RENTAL)}
    report.story("2  Hotel group (호텔 그룹)")

    with report.step("the front desk shows a QR code to Emma, who has no account"):
        asked = seoul.ask(asking.hotel_stay({"link": True}, STAY))
        link = asked.body["link"]
        need(link["url"].endswith("#" + link["code"]), "the code only in the link's fragment")
        expect(len(link["code"]), 8, "length of the code")
    with report.step("she types it in, sees who asks, and opens a vault on the way"):
        page = emma.enter_code(link["code"])
        need(en[SEOUL] in page.heading, "who asks, before any account")
        page = emma.sign_up(from_page=page)
        page = emma.browser.send(page.form(to=page.url))
        need("/requests/" in page.url, "the request waits in her vault")
        request = page.url
    with report.step("somebody else with the same slip of paper gets nowhere"):
        page = scene.seoyeon.enter_code(link["code"])
        expect(page.status, 200, "status")
        need("/link/" in page.url and page.main.all(role="alert"), "the code is refused")
    with report.step("she brings in preferences and earlier stays, types in a car, adds a photo"):
        emma.bring(DATA / "preferences.json", DATA / "preferences.mapping.json")
        emma.bring(DATA / "stays.json", DATA / "stays.mapping.json")
        emma.add(
            "vehicle_interest", {"maker": "Haneul Motors", "model": "Haneul E5", "fuel": "electric"}
        )
        emma.add(
            "family_photo",
            {"title": "Grandma's birthday", "media_type": "image/png", "people": "4"},
            {"image": photo(world.vault.folder)},
        )
        need("Caesar salad without croutons" in emma.sees("preferences"), "her preferences")
        need("Haneul E5" in emma.sees("vehicle_interest"), "the car")
    with report.step("she agrees, but keeps her note to herself"):
        page = emma.approve(emma.browser.open(request), share=["Stays"], keep_back={"0": ["Note"]})
        need(en[SEOUL] in page.heading, "agreed")
    with report.step("the hotel knows pillow, temperature, light, music, meals and yoga; no note"):
        expect(seoul.poll(asked.body["id"]).body["state"], "approved", "state")
        (taste,) = seoul.read("preferences", brands.PERSONAL).data
        expect(taste["meals"][0], "Caesar salad without croutons", "the salad")
        expect(taste["room_temperature"], 21.5, "room temperature")
        need("note" not in taste, "no note")
    with report.step("the photo may be looked at, never stored, three times a day"):
        framed = seoul.ask(asking.photo_frame({"pairwise": seoul.subject}, STAY))
        emma.approve(emma.request_of("Your photo in the room"))
        seoul.poll(framed.body["id"])
        for left in (2, 1, 0):
            looked = seoul.read("family_photo", brands.SERVICE)
            expect(looked.body["grant"]["remaining"], left, "looks left")
        expect(looked.data[0]["people"], 4, "people in it")
        expect(seoul.read("family_photo", brands.SERVICE).code, "budget-spent", "the fourth look")
        need("family_photo" not in seoul.copies(), "no copy of the photo at the hotel")

    with report.step("the hotel leaves a record of this stay"):
        # Both stay items carry the label "Stays"; she ticked the first, so the hotel may not give.
        expect(_leave_stay(seoul), "not-granted", "leaving what was not agreed")
        again = seoul.ask(
            asking.hotel_stay({"pairwise": seoul.subject}, STAY) | {"action": "replace"}
        )
        page = emma.request_of(en[SEOUL])
        everything = dict.fromkeys(emma.optional(page), "on")
        emma.agree(emma.browser.send(page.form(to=page.url), everything))
        seoul.poll(again.body["id"])
        expect(_leave_stay(seoul), "", "leaving the stay")
        need("Maru" in emma.sees("stay") or "마루" in emma.sees("stay"), "the stay in her vault")
    with report.step("another hotel of the group reads it only because she says so"):
        expect(
            jeju.read("stay", brands.PERSONAL, subject=seoul.subject).code, "not-found", "before"
        )
        next_stay = jeju.ask(asking.hotel_stay({"mail": emma.address}, "MJ-77"))
        page = emma.request_of(en[JEJU])
        emma.approve(page, share=["Stays"])
        jeju.poll(next_stay.body["id"])
        stays = jeju.read("stay", brands.PERSONAL).body["records"]
        sources = {one["source"].get("name", one["source"]["kind"]) for one in stays}
        expect(sources, {"owner", world.facts(SEOUL).legal_ko}, "sources of the stays")
        need(jeju.subject != seoul.subject, "two hotels know her by two names")
    with report.step("the third hotel is refused, and cannot tell that from silence"):
        third = busan.ask(asking.hotel_stay({"mail": emma.address}, "MB-5"))
        emma.refuse(emma.request_of(en[BUSAN]))
        expect(busan.poll(third.body["id"]).body["state"], "pending", "what the third hotel learns")
    with report.step("the rental brand of the journey learns which car she thinks about"):
        car = rental.ask(asking.rental({"mail": emma.address}, "TRIP-9"))
        emma.approve(emma.request_of(en[RENTAL]))
        rental.poll(car.body["id"])
        expect(
            rental.read("vehicle_interest", brands.RECOMMEND).data[0]["model"],
            "Haneul E5",
            "the car",
        )

    with report.step("she pauses everything, and lets it go on: no key is touched"):
        emma.pause_all()
        expect(jeju.read("stay", brands.PERSONAL).code, "grant-paused", "while paused")
        emma.resume_all()
        need(jeju.read("stay", brands.PERSONAL).ok, "a read after going on")
    with report.step("she ends the second hotel: it destroys what it has, the first goes on"):
        page = emma.end(en[JEJU])
        until(
            lambda: "/2)" in emma.reload(page).text and "(2/2)" in emma.reload(page).text, "2 of 2"
        )
        expect(jeju.copies(), [], "copies at the second hotel")
        need(seoul.read("preferences", brands.PERSONAL).ok, "the first hotel still reads")


def _leave_stay(staff: Staff) -> str:
    today = date.today()
    record = {
        "hotel": "마루호텔 서울", "city": "서울", "check_in": today.isoformat(),
        "check_out": (today + timedelta(days=2)).isoformat(), "room_type": "온돌 스위트",
        "enjoyed": ["메밀 베개", "조용한 층"],
    }  # fmt: skip
    return staff.contribute("stay", brands.PERSONAL, record).code


def photo(folder: Path) -> Path:
    """Write the smallest picture there is: what counts is who may see it."""
    path = folder / "birthday.png"
    path.write_bytes(bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63"
        "fcffff3f030005fe02fea72d9a3d0000000049454e44ae426082"
    ))  # fmt: skip
    return path
