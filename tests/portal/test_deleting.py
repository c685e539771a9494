"""The choice about copies before the last button: two of equal weight, deletion is selected."""

import re
from typing import Any

import pytest
from django.test import Client as Browser

from consent.models import Grant, Obligation, Partner
from tests import airport, cast
from tests.consent.alliances.test_deciding import asked_of, decide, yes
from tests.consent.grants.test_ending import read_once
from tests.portal.conftest import World
from vault.models import Pod

RADIO = re.compile(r'<input type="radio" name="copies" value="(\w+)"([^>]*)>')
WORDS = {
    "en": ("Delete all of it", "nobody can tell whose it is"),
    "ko": ("모두 삭제", "삭제하거나 누구인지 알 수 없게 바꾸기"),
}
SAID = {
    "en": ("You asked for all of it to be deleted", "The brand deletes it, or makes it so"),
    "ko": ("모두 삭제하라고 요청했어요", "브랜드가 삭제하거나 누구인지 알 수 없게 바꿔요"),
}


def text(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def ways(world: World) -> dict[str, str]:
    item = world.grant.items.get(category="stay")
    return {
        "grant": f"/grants/{world.grant.pk}/end/",
        "item": f"/grants/{world.grant.pk}/items/{item.pk}/end/",
        "brand": f"/brands/{world.grant.partner_id}/end/",
        "category": "/data/stay/end/",
        "purpose": f"/grants/{world.grant.pk}/purpose/end/",
        "everything": "/end/",
    }


ALL = ["grant", "item", "brand", "category", "purpose", "everything"]


def bind(world: World) -> None:
    Partner.objects.filter(pk=world.grant.partner_id).update(country="AU")


@pytest.mark.rule("CDR Rules 2020", "1.18, 4.14")
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("way", ALL)
def test_the_choice_stands_before_the_last_button_and_deletion_is_selected(
    browser: Browser, world: World, ways: dict[str, str], way: str, language: str
) -> None:
    bind(world)
    read_once(world.grant)

    page = text(browser.get(ways[way], headers={"accept-language": language}))

    first, second = RADIO.findall(page)
    assert (first[0], second[0]) == ("delete", "either")
    assert "checked" in first[1]
    assert "checked" not in second[1]
    for words in WORDS[language]:
        assert words in page
    last = page.rindex("<button")
    assert page.index('value="either"') < last
    # Equal weight: the same box, a label and a note, each.
    assert page.count('class="tick tick--box"') >= 2


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("way", ALL)
def test_there_is_no_choice_where_no_profile_gives_it_or_nothing_was_read(
    browser: Browser, world: World, ways: dict[str, str], way: str
) -> None:
    bind(world)
    assert not RADIO.search(text(browser.get(ways[way]))), "nothing was read"
    Partner.objects.filter(pk=world.grant.partner_id).update(country="KR")
    read_once(world.grant)
    assert not RADIO.search(text(browser.get(ways[way])))


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("way", ALL)
@pytest.mark.parametrize(
    ("sent", "deletion_only"),
    [({}, True), ({"copies": "delete"}, True), ({"copies": "either"}, False), ({"copies": "?"}, True)],
)  # fmt: skip
def test_what_is_chosen_is_what_is_owed_and_nothing_chosen_is_deletion(
    browser: Browser,
    world: World,
    ways: dict[str, str],
    way: str,
    sent: dict[str, str],
    deletion_only: bool,
) -> None:
    bind(world)
    read_once(world.grant)

    browser.post(ways[way], sent)

    assert Obligation.objects.get(grant=world.grant).deletion_only == deletion_only


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(("sent", "said"), [("delete", 0), ("either", 1)])
def test_the_page_of_what_ended_says_what_was_chosen(
    browser: Browser, world: World, language: str, sent: str, said: int
) -> None:
    bind(world)
    read_once(world.grant)
    browser.post(f"/grants/{world.grant.pk}/end/", {"copies": sent})

    page = text(browser.get(f"/grants/{world.grant.pk}/", headers={"accept-language": language}))

    assert SAID[language][said] in page
    assert SAID[language][1 - said] not in page


def test_where_there_was_no_choice_the_page_says_nothing_of_it(
    browser: Browser, world: World
) -> None:
    read_once(world.grant)
    browser.post(f"/grants/{world.grant.pk}/end/")

    page = text(browser.get(f"/grants/{world.grant.pk}/"))

    assert SAID["en"][0] not in page
    assert SAID["en"][1] not in page


@pytest.mark.rule("consent.md", "7.3")
def test_an_end_of_many_names_the_brands_that_the_choice_is_about(
    browser: Browser, world: World
) -> None:
    other = cast.make_client(cast.make_partner(country="AU"), name_en="Coral Bank", name_ko="코럴")
    cast.make_template(other.partner)
    bank = cast.make_grant(world.pod, other)
    read_once(world.grant)
    read_once(bank)

    page = text(browser.get("/end/"))
    assert "You have this choice with: Coral Bank</p>" in page
    assert "Maru Hotel" in page
    browser.post("/end/", {"copies": "delete"})

    assert Obligation.objects.get(grant=bank).deletion_only
    assert not Obligation.objects.get(grant=world.grant).deletion_only


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize(("sent", "deletion_only"), [("delete", True), ("either", False)])
def test_leaving_a_journey_offers_it_too(
    browser: Browser, pod: Pod, sent: str, deletion_only: bool
) -> None:
    journey = airport.make_journey(pod, airport.make_airport())
    (given,) = decide(journey, yes(asked_of(journey)[0]))
    at = f"/journeys/{journey.pk}/end/"
    read_once(given)
    assert not RADIO.search(text(browser.get(at)))
    Partner.objects.filter(pk=given.partner_id).update(declared_profiles=["kr-credit"])

    assert [value for value, _ in RADIO.findall(text(browser.get(at)))] == ["delete", "either"]
    browser.post(at, {"copies": sent})

    assert Obligation.objects.get(grant=given).deletion_only == deletion_only


def test_strangers_choose_nothing(stranger: Browser, world: World, ways: dict[str, str]) -> None:
    bind(world)
    read_once(world.grant)
    for way in ways.values():
        stranger.post(way, {"copies": "either"})
    assert not Obligation.objects.filter(grant=world.grant).exists()
    assert Grant.objects.get(pk=world.grant.pk).ended_at is None
