"""Erasing the vault on its pages: asked twice, of its owner, with what stays said before."""

import time
from typing import Any

import pytest
from django.test import Client as Browser

from consent import forgetting
from consent.models import Erasure, Grant
from tests.consent.grants.test_ending import read_once
from tests.portal.conftest import World, signed_in
from vault.models import Pod

TICKS = {"gone": "on", "taken": "on"}


def text(answer: Any) -> str:
    return str(answer.content.decode())


def just_signed_in(pod: Pod) -> Browser:
    browser = signed_in(pod)
    session = browser.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session.save()
    return browser


@pytest.mark.rule("design/log.md", "what the person sees before it goes")
def test_the_page_says_what_the_law_keeps_before_it_asks(browser: Browser, world: World) -> None:
    page = text(browser.get("/data/erase/"))
    assert "for 3 years" in page
    assert "Contents (values) are not among them" in page
    assert "1 record" in page


def test_without_both_ticks_nothing_goes_on(browser: Browser, pod: Pod) -> None:
    assert "tick them" in text(browser.post("/data/erase/", {"gone": "on"}))
    pod.refresh_from_db()
    assert pod.erased_at is None


def test_the_second_question_is_for_somebody_who_has_just_shown_who_they_are(
    pod: Pod,
) -> None:
    pod.owner.set_password("correct horse 9")
    pod.owner.save()
    browser = signed_in(pod)
    browser.post("/data/erase/", TICKS)
    answer = browser.post("/data/erase/confirm/")
    assert "/reauthenticate/" in answer["Location"]
    pod.refresh_from_db()
    assert pod.erased_at is None


def test_the_first_question_cannot_be_skipped(pod: Pod) -> None:
    browser = just_signed_in(pod)
    assert browser.post("/data/erase/confirm/")["Location"] == "/data/erase/"
    pod.refresh_from_db()
    assert pod.erased_at is None


def test_twice_yes_erases_and_shows_how_far_it_is(world: World, pod: Pod) -> None:
    read_once(world.grant)
    browser = just_signed_in(pod)
    browser.post("/data/erase/", TICKS)
    assert "Maru Hotel" in text(browser.get("/data/erase/confirm/"))

    page = text(browser.post("/data/erase/confirm/", follow=True))

    pod.refresh_from_db()
    assert pod.erased_at is not None
    assert not Grant.objects.live().exists()
    assert "Your vault is erased" in page
    assert "Confirmed 0/1" in page
    assert Erasure.objects.get().due_at - Erasure.objects.get().asked_at == forgetting.COOLING_OFF
    assert "Your vault is erased" in text(browser.get("/data/"))

    browser.post("/erased/hasten/")
    assert Erasure.objects.due().exists()


def test_whoever_waives_the_24_hours_is_forgotten_at_once(pod: Pod) -> None:
    browser = just_signed_in(pod)
    browser.post("/data/erase/", TICKS | {"at_once": "on"})
    browser.post("/data/erase/confirm/")
    assert Erasure.objects.due().exists()


def test_a_stranger_hastens_nothing(world: World, stranger: Browser, pod: Pod) -> None:
    browser = just_signed_in(pod)
    browser.post("/data/erase/", TICKS)
    browser.post("/data/erase/confirm/")
    stranger.post("/erased/hasten/")
    assert not Erasure.objects.due().exists()
