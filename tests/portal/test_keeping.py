"""Leaving copies with a brand, on the pages: one box, never ticked beforehand, never for several."""

import re
from typing import Any

import pytest
from django.test import Client as Browser

from consent import grants
from consent.actors import Actor
from consent.models import Delivery, Grant, Obligation
from tests.consent.grants.test_ending import read_once
from tests.leaves import leaves
from tests.portal.conftest import World

BOX = re.compile(r'<input type="checkbox" name="keep"[^>]*>')
WORDS = {
    "en": ("Leave with this brand what it already has", "You let it keep what it has"),
    "ko": ("이 브랜드에는 남겨 두기", "남겨 두기로 했어요"),
}


def text(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def singly(world: World) -> dict[str, str]:
    return {
        "grant": f"/grants/{world.grant.pk}/end/",
        "brand": f"/brands/{world.grant.partner_id}/end/",
    }


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("way", ["grant", "brand"])
def test_ending_one_offers_to_leave_what_was_taken_and_ticks_nothing(
    browser: Browser, world: World, singly: dict[str, str], way: str, language: str
) -> None:
    assert not BOX.search(text(browser.get(singly[way]))), "nothing was read"
    read_once(world.grant)

    page = text(browser.get(singly[way], headers={"accept-language": language}))

    (box,) = BOX.findall(page)
    assert "checked" not in box
    assert "required" not in box
    assert WORDS[language][0] in page


@pytest.mark.rule("consent.md", "7.3")
def test_endings_of_many_offer_nothing_of_the_kind_and_take_no_notice_of_it(
    browser: Browser, world: World
) -> None:
    read_once(world.grant)
    many = ("/data/stay/end/", f"/grants/{world.grant.pk}/purpose/end/", "/end/")
    for at in many:
        assert not BOX.search(text(browser.get(at))), at

    browser.post("/end/", {"keep": "1"})

    assert Obligation.objects.filter(grant=world.grant).exists()
    assert leaves("retention.given") == []


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("way", ["grant", "brand"])
def test_unticked_everything_has_to_be_destroyed(
    browser: Browser, world: World, singly: dict[str, str], way: str
) -> None:
    read_once(world.grant)

    browser.post(singly[way])

    assert Obligation.objects.filter(grant=world.grant).exists()
    assert leaves("retention.given") == []


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("way", ["grant", "brand"])
def test_ticked_it_is_left_and_every_page_says_so(
    browser: Browser, world: World, singly: dict[str, str], way: str, language: str
) -> None:
    read_once(world.grant)

    browser.post(singly[way], {"keep": "1"})

    world.grant.refresh_from_db()
    assert world.grant.ended_at is not None
    assert world.grant.kept_by_consent_at is not None
    assert not Obligation.objects.filter(grant=world.grant).exists()
    said = {"accept-language": language}
    assert WORDS[language][1] in text(browser.get("/ended/", headers=said))
    shown = text(browser.get(f"/grants/{world.grant.pk}/", headers=said))
    assert f"/grants/{world.grant.pk}/recall/" in shown
    happened = text(browser.get("/activity/", headers=said))
    assert {"en": "You let Maru Hotel keep what it has of", "ko": "남겨 두기로 했어요"}[
        language
    ] in happened


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize("language", ["en", "ko"])
def test_it_is_taken_back_on_the_page_of_what_ended(
    browser: Browser, world: World, language: str
) -> None:
    read_once(world.grant)
    browser.post(f"/grants/{world.grant.pk}/end/", {"keep": "1"})
    at = f"/grants/{world.grant.pk}/recall/"
    asks = text(browser.get(at, headers={"accept-language": language}))
    assert {"en": "Have Maru Hotel destroy", "ko": "파기하게"}[language] in asks
    assert not Obligation.objects.filter(grant=world.grant).exists(), "asking changes nothing"

    page = text(browser.post(at, follow=True))

    assert Obligation.objects.filter(grant=world.grant).count() == 1
    assert "Told to destroy" in page
    assert at not in page
    assert Delivery.objects.filter(event_type="retention-withdrawn").count() == 1
    browser.post(at)
    assert Obligation.objects.filter(grant=world.grant).count() == 1


def test_strangers_take_nothing_back(browser: Browser, stranger: Browser, world: World) -> None:
    read_once(world.grant)
    browser.post(f"/grants/{world.grant.pk}/end/", {"keep": "1"})
    at = f"/grants/{world.grant.pk}/recall/"
    assert stranger.get(at).status_code == stranger.post(at).status_code == 404
    assert not Obligation.objects.filter(grant=world.grant).exists()


def test_a_part_that_ended_before_is_shown_beside_what_was_left(
    browser: Browser, world: World
) -> None:
    read_once(world.grant)
    owner = Actor.owner(world.pod.owner)
    item = world.grant.items.get(category="stay")
    grants.end_item(item, Grant.EndKind.WITHDRAWN, "", owner)
    browser.post(f"/grants/{world.grant.pk}/end/", {"keep": "1"})
    assert "You let it keep the rest" in text(browser.get("/ended/"))
    assert "The rest of what it has" in text(browser.get(f"/grants/{world.grant.pk}/"))
