"""Ending many at once, keeping a brand away, and the list of what has ended."""

from typing import Any

import pytest
from django.test import Client as Browser

from consent import standing
from consent.actors import Actor
from consent.models import AccessRequest, Grant, StandingRule
from consent.standing import About
from tests import cast
from tests.consent.grants.test_ending import read_once
from tests.portal.conftest import World
from vault.models import Pod


def text(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def ways(world: World) -> dict[str, str]:
    return {
        "everything": "/end/",
        "brand": f"/brands/{world.grant.partner_id}/end/",
        "purpose": f"/grants/{world.grant.pk}/purpose/end/",
        "category": "/data/stay/end/",
    }


@pytest.mark.parametrize("way", ["everything", "brand", "purpose", "category"])
def test_each_way_says_what_would_end_and_ends_it(
    browser: Browser, world: World, ways: dict[str, str], way: str
) -> None:
    read_once(world.grant)
    asks = browser.get(ways[way])
    assert "Maru Hotel" in text(asks)
    world.grant.refresh_from_db()
    assert world.grant.is_live, "asking ends nothing"

    page = browser.post(ways[way], follow=True)

    assert page.redirect_chain[-1][0] == "/ended/"
    items = list(world.grant.items.filter(ended_at=None).values_list("category", flat=True))
    world.grant.refresh_from_db()
    if way == "category":
        assert world.grant.is_live
        assert items == ["itinerary"]
    else:
        assert world.grant.end_kind == "withdrawn"
        assert "Confirmed 0/1" in text(page)
    assert text(browser.get(ways[way])).count('<form method="post"') <= 1


def test_where_nothing_is_shared_there_is_nothing_to_end(browser: Browser, pod: Pod) -> None:
    assert "There is nothing to end" in text(browser.get("/end/"))
    assert browser.get("/data/no-such-kind/end/").status_code == 404


def test_strangers_end_and_block_nothing_of_mine(
    stranger: Browser, world: World, ways: dict[str, str]
) -> None:
    for way in ways.values():
        stranger.post(way)
    assert stranger.get(ways["brand"]).status_code == 404
    assert stranger.get(f"/brands/{world.grant.partner_id}/block/").status_code == 404
    world.grant.refresh_from_db()
    assert world.grant.is_live


@pytest.mark.rule("consent.md", "3.5")
def test_a_brand_that_is_kept_away_asks_in_vain(browser: Browser, world: World, pod: Pod) -> None:
    asked = world.request
    page = browser.post(f"/brands/{asked.partner_id}/block/", follow=True)
    assert page.redirect_chain[-1][0] == "/settings/blocked/"
    assert asked.partner.legal_name_en in text(page)
    assert AccessRequest.objects.get(pk=asked.pk).refused_at is not None

    AccessRequest.objects.update(asked_at=asked.asked_at.replace(year=2020))
    again = cast.make_request(pod, asked.client)
    assert again.pod is None
    assert "You take no more requests of" in text(browser.get("/activity/"))

    (rule,) = StandingRule.objects.of(pod)
    browser.post(f"/settings/blocked/{rule.pk}/again/")
    assert not StandingRule.objects.filter(removed_at=None).exists()
    AccessRequest.objects.update(asked_at=asked.asked_at.replace(year=2020))
    assert cast.make_request(pod, asked.client).pod == pod


def test_keeping_a_brand_away_twice_is_once_and_ends_nothing(world: World, pod: Pod) -> None:
    owner, brand = Actor.owner(pod.owner), About(partner=world.grant.partner)
    assert standing.block(pod, brand, owner)
    assert not standing.block(pod, brand, owner)
    assert Grant.objects.get(pk=world.grant.pk).is_live
    assert standing.unblock(pod, brand, owner)
    assert not standing.unblock(pod, brand, owner)


def test_what_has_ended_is_listed_with_what_became_of_the_copies(
    browser: Browser, world: World
) -> None:
    page = text(browser.get("/ended/"))
    assert "Starlight Rentals" in page
    assert "Never looked" in page


@pytest.mark.rule("standing rules for a category or a purpose", "issue 3")
@pytest.mark.parametrize("way", ["purpose", "category"])
def test_what_ends_everywhere_can_be_kept_from_being_asked_for(
    browser: Browser, world: World, pod: Pod, ways: dict[str, str], way: str
) -> None:
    asks = text(browser.get(ways[way]))
    assert 'name="rule"' in asks
    assert "checked" not in asks

    page = browser.post(ways[way], {"rule": "1"}, follow=True)

    assert "no longer reach you" in text(page)
    (number, about) = standing.rules(pod)[0]
    assert (about.purpose, about.category) == (
        (world.grant.purpose, "") if way == "purpose" else ("", "stay")
    )
    shown = text(browser.get("/settings/blocked/"))
    assert "with every brand" in shown
    assert "whoever asks" in text(browser.get("/activity/"))
    again = text(browser.get(ways[way]))
    assert 'name="rule"' not in again

    browser.post(f"/settings/blocked/{number}/again/")
    assert standing.rules(pod) == []


def test_a_rule_can_be_made_where_nothing_is_shared(browser: Browser, pod: Pod) -> None:
    asks = text(browser.get("/data/health/end/"))
    assert 'href="?rule=1"' in asks
    assert 'type="hidden" name="rule"' in text(browser.get("/data/health/end/?rule=1"))
    page = browser.post("/data/health/end/", {"rule": "1"}, follow=True)
    assert page.redirect_chain[-1][0] == "/settings/blocked/"
    assert [about.category for _, about in standing.rules(pod)] == ["health"]


def test_strangers_take_back_no_rule_of_mine(stranger: Browser, pod: Pod) -> None:
    standing.block(pod, About(category="health"), Actor.owner(pod.owner))
    ((number, _about),) = standing.rules(pod)
    assert stranger.post(f"/settings/blocked/{number}/again/").status_code == 404
    assert standing.rules(pod)
