"""Choosing how one is told."""

import re

import pytest
from django.test import Client as Browser

from consent import letters
from consent.letters import Wishes
from vault.models import Pod


@pytest.mark.rule("consent.md", "11.5")
def test_location_is_gathered_only_for_whom_chose_it(browser: Browser, pod: Pod) -> None:
    assert letters.wishes_of(pod.owner) == Wishes()
    browser.post("/settings/messages/", {"location": "gathered", "own_ends": "yes"})
    assert letters.wishes_of(pod.owner) == Wishes(gathers_location=True)
    browser.post("/settings/messages/", {"location": "at_once", "own_ends": "no"})
    assert letters.wishes_of(pod.owner) == Wishes(wants_own_ends=False)


def test_the_page_shows_what_was_chosen_and_refuses_nonsense(browser: Browser, pod: Pod) -> None:
    letters.wish(pod.owner, Wishes(gathers_location=True))
    page = browser.get("/settings/messages/").content.decode()
    assert re.search(r'value="gathered"[^>]* checked', page)
    browser.post("/settings/messages/", {"location": "never"})
    assert letters.wishes_of(pod.owner).gathers_location
