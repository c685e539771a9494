"""A journey in plain forms: a block for each brand, ticks of its own, one way out."""

import re
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import translation

from consent import alliances, partners
from consent.actors import Actor
from consent.models import AccessRequest, Grant, Journey
from portal.customer import words
from tests import airport, cast
from tests.airport import Airport
from tests.consent.grants.test_ending import read_once
from vault.models import Pod


@pytest.fixture
def sky(db: None) -> Airport:
    return airport.make_airport()


@pytest.fixture
def journey(sky: Airport, pod: Pod) -> Journey:
    return airport.make_journey(pod, sky)


def at(journey: Journey, step: str = "") -> str:
    return f"/journeys/{journey.pk}/{step}"


def text(answer: Any) -> str:
    return str(answer.content.decode())


def choose(browser: Browser, journey: Journey, **answers: str) -> Any:
    """Answer for some brands, taking everything where the answer is yes."""
    data = {f"{name}-answer": answer for name, answer in answers.items()}
    data |= {f"{name}-take-0": "on" for name in answers}
    return browser.post(at(journey), data)


def confirm(browser: Browser, journey: Journey, *ticked: int) -> Any:
    page = text(browser.get(at(journey, "confirm/")))
    digests = dict(re.findall(r'name="notice(\d+)" value="([0-9a-f]{64})"', page))
    data: dict[str, Any] = {f"notice{order}": digest for order, digest in digests.items()}
    data |= {f"tick{order}": ["provision"] for order in ticked}
    return browser.post(at(journey, "confirm/"), data, follow=True)


@pytest.mark.rule("one closed block per brand on one page, no agree-to-all", "design/portal.md")
def test_each_brand_has_a_block_of_its_own_and_nothing_is_picked(
    browser: Browser, journey: Journey
) -> None:
    page = text(browser.get(at(journey)))
    assert page.count('class="card leg"') == 3
    assert page.count('class="notice"') == 3
    assert " checked" not in page
    assert [f'name="stop{n}-answer"' in page for n in (1, 2, 3)] == [True] * 3
    assert not re.search(r"(?i)agree to all|모두 동의", page)


def test_no_choice_goes_beyond_the_end_of_the_journey(browser: Browser, journey: Journey) -> None:
    page = text(browser.get(at(journey)))
    with translation.override("en"):
        assert f"As asked: until {words.day(journey.ends_at)}" in page
    assert '<option value="1">' in page
    assert '<option value="7">' not in page


def test_brands_are_decided_one_by_one(browser: Browser, journey: Journey, sky: Airport) -> None:
    answer = choose(browser, journey, stop1="yes", stop2="no", stop3="later")
    assert answer["Location"] == at(journey, "confirm/")
    page = confirm(browser, journey, 1)

    assert page.redirect_chain[-1][0] == at(journey)
    states = AccessRequest.objects.order_by("stop__order")
    assert [(bool(each.approved_at), bool(each.refused_at)) for each in states] == [
        (True, False), (False, True), (False, False),
    ]  # fmt: skip
    assert Grant.objects.get().partner == sky.clients[0].partner
    assert text(page).count('class="card leg"') == 1


@pytest.mark.rule("the confirm names every brand; ticks never merged", "design/portal.md")
def test_the_confirm_page_names_every_brand_and_takes_each_ones_ticks(
    browser: Browser, journey: Journey, sky: Airport
) -> None:
    choose(browser, journey, stop1="yes", stop2="yes")
    page = text(browser.get(at(journey, "confirm/")))
    for client in sky.clients[:2]:
        assert client.partner.legal_name_en in page
    assert 'name="tick1"' in page
    assert 'name="tick2"' in page
    assert " checked" not in page

    missing = confirm(browser, journey, 1)
    assert "Each consent needs its own tick" in text(missing)
    assert not Grant.objects.exists()
    confirm(browser, journey, 1, 2)
    assert Grant.objects.count() == 2


def test_the_bytes_that_are_pinned_are_those_on_the_confirm_page(
    browser: Browser, journey: Journey
) -> None:
    choose(browser, journey, stop1="yes", stop2="yes")
    shown = browser.get(at(journey, "confirm/")).content
    confirm(browser, journey, 1, 2)
    for grant in Grant.objects.select_related("notice"):
        assert bytes(grant.notice.body) in shown


def test_a_yes_without_an_item_is_said_at_its_brand(browser: Browser, journey: Journey) -> None:
    page = browser.post(at(journey), {"stop2-answer": "yes"})
    assert "Choose at least one item" in text(page)
    assert browser.get(at(journey, "confirm/"))["Location"] == at(journey)


def test_without_any_answer_nothing_goes_on(browser: Browser, journey: Journey) -> None:
    page = browser.post(at(journey), {"stop1-answer": "later"})
    assert "Say yes or no to at least one brand" in text(page)


def test_a_stopped_brand_cannot_be_chosen_and_the_others_can(
    browser: Browser, journey: Journey, sky: Airport
) -> None:
    partners.suspend(sky.clients[0].partner, "court-order", cast.OPERATOR)
    page = text(browser.get(at(journey)))
    assert page.count('class="card leg"') == 2
    assert "may not receive anything" in page
    choose(browser, journey, stop2="yes")
    confirm(browser, journey, 2)
    assert Grant.objects.get().partner == sky.clients[1].partner


def test_the_request_of_a_stop_leads_to_its_journey(browser: Browser, journey: Journey) -> None:
    asked = AccessRequest.objects.first()
    assert asked is not None
    assert browser.get(f"/requests/{asked.pk}/")["Location"] == at(journey)
    inbox = text(browser.get("/requests/"))
    assert "The day to Jeju" in inbox
    assert inbox.count(at(journey)) == 1


@pytest.mark.rule("end in at most two taps from home", "design/portal.md")
def test_one_way_out_from_home_ends_it_with_every_brand(browser: Browser, journey: Journey) -> None:
    choose(browser, journey, stop1="yes", stop2="yes")
    confirm(browser, journey, 1, 2)
    for grant in Grant.objects.all():
        read_once(grant)
    home = text(browser.get("/"))
    assert at(journey, "end/") in home
    asks = text(browser.get(at(journey, "end/")))
    for client in (stop.request.client for stop in journey.stops.all()):
        assert client.name_en in asks

    page = text(browser.post(at(journey, "end/"), follow=True))

    assert not Grant.objects.live().exists()
    assert "You have left the journey" in page
    assert "(0/2)" in page
    assert AccessRequest.objects.exclude(refused_at=None).count() == 1
    assert at(journey, "end/") not in text(browser.get("/"))


def test_a_code_leads_the_first_to_the_whole_journey(
    browser: Browser, stranger: Browser, sky: Airport, pod: Pod
) -> None:
    asked = airport.ask(sky)
    page = browser.post("/link/", {"code": asked.link_code}, follow=True)
    assert "3 brands have a question for you" in text(page)
    assert browser.post("/link/confirm/")["Location"] == at(asked.journey)
    assert Journey.objects.get().pod == pod
    stranger.post("/link/", {"code": asked.link_code})
    assert at(asked.journey) not in text(stranger.post("/link/confirm/", follow=True))


def test_strangers_find_no_journey(stranger: Browser, journey: Journey) -> None:
    for step in ("", "confirm/", "end/"):
        assert stranger.get(at(journey, step)).status_code == 404
        assert stranger.post(at(journey, step)).status_code == 404


def test_ended_twice_in_two_windows_is_ended_once(
    browser: Browser, journey: Journey, pod: Pod
) -> None:
    alliances.end_journey(journey, Actor.owner(pod.owner))
    assert "over already" in text(browser.get(at(journey, "end/")))
    assert browser.post(at(journey, "end/")).status_code == 302
