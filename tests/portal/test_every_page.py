"""What holds for every page: strict CSP, no cache, nobody else's, nothing ticked, both languages."""

import re

import pytest
from django.test import Client as Browser

from tests.portal import pages
from tests.portal.conftest import World

INLINE = (
    (re.compile(r"<style", re.I), "a style element"),
    (re.compile(r"<[^>]+\sstyle\s*=", re.I), "a style attribute"),
    (re.compile(r"<[^>]+\son[a-z]+\s*=", re.I), "an event attribute"),
    (re.compile(r"javascript:", re.I), "a javascript: address"),
)
SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>", re.I)


@pytest.fixture
def addresses(world: World) -> list[str]:
    return [*pages.general(), *pages.own(world).values()]


def texts(browser: Browser, addresses: list[str]) -> dict[str, str]:
    found = {}
    for address in addresses:
        answer = browser.get(address, follow=True)
        assert answer.status_code == 200, address
        found[address] = answer.content.decode()
    return found


@pytest.mark.rule("strict CSP: no inline style, no inline script", "issue, item 8")
def test_no_page_holds_anything_that_a_strict_policy_forbids(
    browser: Browser, addresses: list[str]
) -> None:
    for address, text in {
        **texts(browser, addresses),
        **texts(Browser(), ["/", *pages.PUBLIC]),
    }.items():
        for pattern, what in INLINE:
            assert not pattern.search(text), f"{address} holds {what}"
        for script in SCRIPT.finditer(text):
            attributes = script["attributes"]
            assert "src=" in attributes or "application/json" in attributes, address


@pytest.mark.rule("strict CSP: no inline style, no inline script", "issue, item 8")
def test_the_policy_allows_our_own_files_only(browser: Browser, world: World) -> None:
    policy = browser.get("/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert not re.search(r"https?:", policy)


def test_personal_pages_are_stored_nowhere(browser: Browser, addresses: list[str]) -> None:
    for address in addresses:
        assert browser.get(address)["Cache-Control"] == "no-store", address


@pytest.mark.rule("strangers get 404", "style.md, where a rule lives")
def test_strangers_find_nothing_of_mine(stranger: Browser, world: World) -> None:
    for name, address in pages.own(world).items():
        assert stranger.get(address).status_code == 404, name
    for address in (
        f"/requests/{world.request.pk}/confirm/",
        f"/requests/{world.request.pk}/refuse/",
        f"/requests/{world.request.pk}/later/",
        f"/grants/{world.grant.pk}/pause/",
        f"/grants/{world.grant.pk}/end/",
        f"/data/records/{world.record.pk}/delete/",
        f"/data/records/{world.record.pk}/hide/",
        f"/activity/?grant={world.grant.pk}",
    ):
        answer = stranger.get(address) if "?" in address else stranger.post(address)
        assert answer.status_code == 404, address
    world.grant.refresh_from_db()
    assert world.grant.is_live


def test_pages_of_mine_ask_a_guest_to_sign_in(addresses: list[str]) -> None:
    guest = Browser()
    for address in addresses:
        if address in {"/", "/account/logout/"}:
            continue
        answer = guest.get(address)
        assert answer.status_code == 302, address
        assert answer["Location"].startswith("/account/login/"), address


@pytest.mark.rule("own ticks, none pre-ticked, no agree to all", "consent.md 11.2")
def test_no_box_is_ticked_beforehand(browser: Browser, addresses: list[str]) -> None:
    ticked = re.compile(r"<input[^>]*type=\"checkbox\"[^>]*\schecked", re.I)
    for address, text in {
        **texts(browser, addresses),
        **texts(Browser(), list(pages.PUBLIC)),
    }.items():
        assert not ticked.search(text), address


@pytest.mark.rule("footer everywhere", "consent.md 11.7")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ko", ("개인정보 처리방침", "개인정보 보호책임자", "사람과 이야기하기")),
        ("en", ("Privacy policy", "Privacy officer", "Talk to a person")),
    ],
)
def test_every_page_leads_to_policy_officer_and_a_person(
    browser: Browser, addresses: list[str], language: str, words: tuple[str, ...]
) -> None:
    browser.cookies["language"] = language
    for address, text in texts(browser, addresses).items():
        foot = text.partition("<footer")[2]
        for word in words:
            assert word in foot, address


def test_switching_the_language_keeps_page_and_choice(browser: Browser, world: World) -> None:
    here = f"/grants/{world.grant.pk}/"
    switched = browser.post("/language/", {"language": "en", "next": here})
    assert switched["Location"] == here
    assert '<html lang="en"' in browser.get(here).content.decode()
    world.pod.owner.refresh_from_db()
    assert world.pod.owner.language == "en"
    elsewhere = browser.post("/language/", {"language": "ko", "next": "https://evil.example/"})
    assert elsewhere["Location"] == "/"
    assert '<html lang="ko"' in browser.get(here).content.decode()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_page_shows_a_word_of_the_other_language_by_mistake(
    browser: Browser, addresses: list[str], language: str
) -> None:
    """Unresolved particles or placeholders would be the sign of a sentence put together wrongly."""
    browser.cookies["language"] = language
    for address, text in texts(browser, addresses).items():
        assert not re.search(r"\[\w{1,3}/\w{1,3}\]", text), address
        assert "%(" not in text, address
