"""Story 2: hotels of one group, a guest without an account, a photo of which nobody keeps a copy."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from examples.demo import asking, brands, proof
from examples.demo.person import Person
from examples.demo.staff import Staff
from examples.demo.stories.hotel_group import photo
from examples.demo.world import DATA, World, until
from tests.stories.conftest import newcomer

SEOUL, JEJU, BUSAN = "Maru Hotel Seoul", "Maru Resort Jeju", "Maru Stay Busan"


@pytest.fixture
def guest(customer: Callable[..., Person]) -> Person:
    """Somebody who has told the vault what makes a stay a good one."""
    person = customer("guest", "en")
    for name in ("preferences", "stays"):
        person.bring(DATA / f"{name}.json", DATA / f"{name}.mapping.json")
    return person


@pytest.mark.rule("Product", "Story 2")
@pytest.mark.rule("Design", "consent.md 3.3")
def test_a_guest_without_an_account_is_asked_at_the_front_desk(
    world: World, customer: Callable[..., Person]
) -> None:
    desk, guest = world.staff("maru-seoul"), newcomer(world, "walkin", "en")
    asked = desk.ask(asking.hotel_stay({"link": True}, "MS-1")).body
    code = asked["link"]["code"]
    assert asked["link"]["url"] == f"{world.vault.origin}/link/#{code}"

    # The slip of paper leads to who asks, then to a vault, then back to the request.
    page = guest.enter_code(code.lower())
    assert SEOUL in page.heading
    page = guest.sign_up(from_page=page)
    page = guest.browser.send(page.form(to=page.url))
    assert "Personal service during your stay" in page.heading

    # It is theirs now: nobody else gets there with the same slip.
    other = customer("other", "en").enter_code(code)
    assert other.main.all(role="alert")
    assert guest.enter_code(code).status == 200

    guest.bring(DATA / "preferences.json", DATA / "preferences.mapping.json")
    guest.approve(guest.browser.open(page.url), keep_back={"0": ["Note"]})
    assert desk.poll(asked["id"]).body["state"] == "approved"
    (taste,) = desk.read("preferences", brands.PERSONAL).data
    assert taste["meals"] == ["Caesar salad without croutons", "miso soup"]
    assert (taste["pillow"], taste["room_temperature"]) == ("buckwheat", 21.5)
    assert "note" not in taste


@pytest.mark.rule("Product", "Story 2")
@pytest.mark.rule("Design", "consent.md 5.6, 12.2")
def test_a_stay_left_by_one_hotel_is_read_by_another_only_because_the_guest_says_so(
    world: World, guest: Person, exported: Callable[[], Path]
) -> None:
    seoul, jeju, busan = (world.staff(name) for name in ("maru-seoul", "maru-jeju", "maru-busan"))
    _stays_at(seoul, SEOUL, guest, everything=True)
    assert _leaves_a_stay(seoul) == ""

    # Of the same group, and still a stranger: also with the name that the other hotel uses.
    assert jeju.read("stay", brands.PERSONAL, subject=seoul.subject).code == "not-found"
    _stays_at(jeju, JEJU, guest, everything=True)
    records = jeju.read("stay", brands.PERSONAL).body["records"]
    assert {one["source"]["kind"] for one in records} == {"owner", "partner"}
    left = next(one for one in records if one["source"]["kind"] == "partner")
    assert left["source"]["name"] == "마루호텔서울 주식회사"
    assert left["data"]["room_type"] == "온돌 스위트"
    assert jeju.subject != seoul.subject

    # The third hotel is refused, and learns as much as if nobody had looked.
    asked = busan.ask(asking.hotel_stay({"mail": guest.address}, "MB-1")).body["id"]
    guest.refuse(guest.request_of(BUSAN))
    answer = busan.poll(asked).body
    assert answer["state"] == "pending"
    assert "subject" not in answer

    # Leaving one hotel is not leaving the other. Whoever cleans the rooms had copies too.
    page = guest.end(JEJU)
    assert jeju.read("stay", brands.PERSONAL).code == "grant-ended"
    assert seoul.read("preferences", brands.PERSONAL).ok
    until(lambda: "(2/2)" in guest.reload(page).text, "hotel and housekeeping confirmed")
    assert jeju.copies() == []
    assert seoul.copies() == ["preferences"]
    assert "Room type" in guest.sees("stay")  # the record stays hers

    # In the log the two hotels share no name: nobody can join one guest's grants.
    leaves = proof.leaves(exported())
    for leaf in leaves:
        assert seoul.subject not in str(leaf)
        assert jeju.subject not in str(leaf)


@pytest.mark.rule("Product", "Story 2: look only, others are in it")
@pytest.mark.rule("Design", "consent.md 6.6")
def test_a_family_photo_is_looked_at_and_never_kept(world: World, guest: Person) -> None:
    hotel = world.staff("maru-busan")
    guest.add(
        "family_photo",
        {"title": "Birthday", "media_type": "image/png", "people": "4"},
        {"image": photo(world.vault.folder)},
    )
    request = asking.photo_frame({"mail": guest.address}, "MB-2")
    storing = request | {"access_mode": "may_store", "retention_days": 1}
    assert hotel.ask(storing).code in {"look-only-category", "access-mode-not-registered"}

    asked = hotel.ask(request).body["id"]
    page = guest.request_of(BUSAN)
    assert "Technology cannot stop somebody from copying" in page.text
    guest.approve(page)
    hotel.poll(asked)
    answers = [hotel.read("family_photo", brands.SERVICE) for _ in range(4)]
    assert [answer.body["grant"]["remaining"] for answer in answers[:3]] == [2, 1, 0]
    assert answers[3].code == "budget-spent"
    assert answers[3].status == 429
    assert hotel.copies() == []

    page = guest.end(BUSAN)
    until(lambda: "(1/1)" in guest.reload(page).text, "the hotel confirmed")
    assert hotel.attested() == [("family_photo", "never_stored")]
    assert "never stored" in guest.reload(page).text


@pytest.mark.rule("Design", "consent.md 5.2, P9")
def test_wanting_more_needs_a_new_consent_and_the_old_one_works_until_then(
    world: World, guest: Person
) -> None:
    hotel = world.staff("maru-seoul")
    _stays_at(hotel, SEOUL, guest, everything=False)
    assert _leaves_a_stay(hotel) == "not-granted"
    wider = asking.hotel_stay({"pairwise": hotel.subject}, "MS-9") | {"action": "replace"}
    asked = hotel.ask(wider).body["id"]
    assert hotel.read("preferences", brands.PERSONAL).ok
    _approve(guest, SEOUL, everything=True)
    hotel.poll(asked)
    assert _leaves_a_stay(hotel) == ""
    assert len(hotel.grants) == 2
    until(lambda: "grant-superseded" in hotel.events(), "the hotel heard that the old one is over")


def _stays_at(hotel: Staff, name: str, guest: Person, *, everything: bool) -> None:
    asked = hotel.ask(asking.hotel_stay({"mail": guest.address}, "STAY-1")).body["id"]
    _approve(guest, name, everything=everything)
    assert hotel.poll(asked).body["state"] == "approved"
    assert hotel.read("preferences", brands.PERSONAL).ok


def _approve(guest: Person, name: str, *, everything: bool) -> None:
    page = guest.request_of(name)
    optional = guest.optional(page) if everything else []
    guest.agree(guest.browser.send(page.form(to=page.url), dict.fromkeys(optional, "on")))


def _leaves_a_stay(hotel: Staff) -> str:
    today = date.today()
    record = {
        "hotel": "마루호텔 서울", "check_in": today.isoformat(), "room_type": "온돌 스위트",
        "check_out": (today + timedelta(days=2)).isoformat(), "enjoyed": ["조용한 층"],
    }  # fmt: skip
    return hotel.contribute("stay", brands.PERSONAL, record).code
