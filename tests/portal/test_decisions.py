"""Deciding on a request with plain forms, as a browser without scripts sends them."""

import hashlib
import re

import pytest
from django.test import Client as Browser

from consent import notices
from consent.choices import Choices
from consent.models import AccessRequest, Client, Grant
from tests import cast
from tests.portal.conftest import signed_in
from vault import pods
from vault.models import Pod


@pytest.fixture
def asked(pod: Pod, hotel: Client) -> AccessRequest:
    """One required item, one optional, one that lets the hotel leave something."""
    return cast.make_request(
        pod,
        hotel,
        items=[
            cast.make_item("stay", required=True, effect_if_refused="less_personal"),
            cast.make_item("itinerary"),
            cast.make_item("preferences", action="contribute"),
        ],
    )


def at(asked: AccessRequest, step: str = "") -> str:
    return f"/requests/{asked.pk}/{step}"


def confirm(browser: Browser, asked: AccessRequest, *ticks: str, **changes: str) -> Browser:
    """Press "agree" on the confirm page with these ticks."""
    text = browser.get(at(asked, "confirm/")).content.decode()
    digest = re.search(r'name="notice" value="([0-9a-f]{64})"', text)
    assert digest
    return browser.post(
        at(asked, "confirm/"), {"tick": list(ticks), "notice": digest[1]} | changes, follow=True
    )


def test_agreeing_to_a_part_gives_exactly_that(browser: Browser, asked: AccessRequest) -> None:
    answer = browser.post(at(asked), {"take-1": "on", "leave-0": ["city", "spent"], "until": "7"})
    assert answer["Location"] == at(asked, "confirm/")
    page = confirm(browser, asked, "provision")
    assert page.redirect_chain[-1][0] == at(asked, "done/")
    grant = Grant.objects.get(request=asked)
    given = {(item.category, item.action): item.fields for item in grant.items.all()}
    assert set(given) == {("stay", "read"), ("itinerary", "read")}
    assert "city" not in given["stay", "read"]
    assert "hotel" in given["stay", "read"]
    assert grant.expires_at < asked.grant_expires_at


@pytest.mark.rule("the confirm step shows exactly the notice that is pinned", "consent.md 4.1")
@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_confirm_page_holds_the_very_bytes_that_are_pinned(
    browser: Browser, asked: AccessRequest, language: str
) -> None:
    browser.cookies["language"] = language
    browser.post(at(asked), {"take-2": "on"})
    shown = browser.get(at(asked, "confirm/")).content
    confirm(browser, asked, "provision")
    pin = Grant.objects.get(request=asked).notice
    assert bytes(pin.body) in shown
    assert hashlib.sha256(bytes(pin.body)).hexdigest() == pin.digest
    assert pin.language == language
    assert bytes(pin.body) in browser.get(f"/grants/{asked.grant.pk}/notice/").content


@pytest.mark.rule("the statutory items, verbatim and in order", "consent.md 11.1")
def test_the_request_page_shows_the_statutory_items_in_order(
    browser: Browser, asked: AccessRequest
) -> None:
    browser.cookies["language"] = "ko"
    text = browser.get(at(asked)).content.decode()
    items = (
        "개인정보를 제공받는 자",
        "개인정보를 제공받는 자의 개인정보 이용 목적",
        "제공하는 개인정보의 항목",
        "개인정보를 제공받는 자의 개인정보 보유 및 이용 기간",
        "동의를 거부할 권리가 있다는 사실 및 동의 거부에 따른 불이익이 있는 경우에는 그 불이익의 내용",
    )
    places = [text.index(f"<dt>{item}</dt>") for item in items]
    assert places == sorted(places)
    assert notices.render(asked, Choices.everything(asked), "ko").decode() in text


@pytest.mark.rule("own ticks", "consent.md 11.2")
def test_each_class_has_its_own_tick_and_one_missing_gives_nothing(pod: Pod) -> None:
    club = cast.make_client(level=2)
    both = {"actions": ["read"], "fields": None}
    cast.make_template(club.partner, categories={"workout": both, "stay": both})
    asked = cast.make_request(pod, club, items=[cast.make_item("workout"), cast.make_item("stay")])
    browser = signed_in(pod)
    browser.post(at(asked), {"take-0": "on"})
    text = browser.get(at(asked, "confirm/")).content.decode()
    assert set(re.findall(r'name="tick" value="(\w+)"', text)) == {
        "provision",
        "sensitive",
        "location",
    }
    page = confirm(browser, asked, "provision", "sensitive")
    assert page.status_code == 200
    assert "own tick" in page.content.decode().partition('class="notice"')[0], "before the text"
    assert not Grant.objects.filter(request=asked).exists()
    confirm(browser, asked, "provision", "sensitive", "location")
    assert Grant.objects.filter(request=asked).exists()


def test_a_text_that_was_not_shown_cannot_be_agreed_to(
    browser: Browser, asked: AccessRequest
) -> None:
    browser.post(at(asked), {})
    page = confirm(browser, asked, "provision", notice="0" * 64)
    assert "changed while you were reading" in page.content.decode()
    assert not Grant.objects.filter(request=asked).exists()


def test_nothing_chosen_or_every_detail_left_out_is_said_not_sent(
    browser: Browser, pod: Pod, hotel: Client
) -> None:
    asked = cast.make_request(pod, hotel)
    for choice in ({}, {"take-0": "on", "leave-0": _every_field(browser, asked)}):
        page = browser.post(at(asked), choice)
        assert page.status_code == 200
        text = page.content.decode()
        assert "at least one" in text
        assert "Nothing is decided yet" in text.partition('class="notice"')[0], "before the text"


def _every_field(browser: Browser, asked: AccessRequest) -> list[str]:
    text = browser.get(at(asked)).content.decode()
    return re.findall(r'name="leave-0" value="(\w+)"', text)


def test_less_than_the_brand_can_use_is_said_in_words(pod: Pod, hotel: Client) -> None:
    asked = cast.make_request(
        pod,
        hotel,
        frequency={"count": 10, "unit": "day"},
        at_least={"frequency": {"count": 5, "unit": "day"}},
    )
    text = signed_in(pod).get(at(asked)).content.decode()
    assert 'value="1/week"' not in text
    assert 'value="1/day"' not in text


@pytest.mark.rule("a decision is final", "consent.md 3.7")
def test_a_second_decision_changes_nothing(browser: Browser, asked: AccessRequest) -> None:
    browser.post(at(asked, "refuse/"), {"reason": "too_much"})
    asked.refresh_from_db()
    assert asked.refused_at is not None
    assert asked.refusal_reason == "too_much"
    assert not asked.refusal_reason_shared
    again = browser.post(at(asked, "refuse/"), {"reason": "other"}, follow=True)
    assert "closed already" in again.content.decode()
    asked.refresh_from_db()
    assert asked.refusal_reason == "too_much"
    assert browser.get(at(asked, "confirm/"))["Location"] == at(asked)


def test_deciding_later_keeps_the_request_waiting(browser: Browser, asked: AccessRequest) -> None:
    page = browser.post(at(asked, "later/"), follow=True)
    assert "Maru Hotel" in page.content.decode()
    asked.refresh_from_db()
    assert asked.deferred_at is not None
    assert AccessRequest.objects.waiting().filter(pk=asked.pk).exists()


@pytest.mark.rule("no pod value in the notice; the preview is apart and covered", "consent.md 4.2")
def test_the_preview_shows_my_own_data_covered_and_only_what_is_asked(
    pod: Pod, hotel: Client
) -> None:
    pods.put(pod, "stay", {"hotel": "Canary Inn", "city": "Hidden City", "check_in": "2026-08-14"})
    asked = cast.make_request(pod, hotel, items=[cast.make_item("stay", fields=["hotel"])])
    text = signed_in(pod).get(at(asked)).content.decode()
    notice, _, rest = text.partition("</section>\n")
    assert "Canary Inn" not in notice
    assert "Canary Inn" in rest
    assert "Hidden City" not in text
    before = rest[: rest.index("Canary Inn")]
    assert before.rindex("<details") > before.rindex("</details") if "</details" in before else True
    assert "<details open" not in text


@pytest.mark.rule("widening is a new consent after a shown difference", "consent.md 5.2")
def test_a_request_that_would_replace_a_consent_marks_what_is_new(pod: Pod, hotel: Client) -> None:
    held = [cast.make_item("stay", fields=["hotel"]), cast.make_item("preferences")]
    cast.make_grant(pod, hotel, items=held)
    wider = [
        cast.make_item("stay", fields=["hotel", "city"]),
        cast.make_item("preferences"),
        cast.make_item("itinerary"),
    ]
    asked = cast.make_request(pod, hotel, items=wider)
    page = signed_in(pod).get(at(asked))
    assert "takes its place" in page.content.decode()
    assert [each.is_new for each in page.context["optional"]] == [True, False, True]


def test_yes_and_no_weigh_the_same(browser: Browser, asked: AccessRequest) -> None:
    browser.post(at(asked), {})
    for page in (at(asked), at(asked, "confirm/")):
        text = browser.get(page).content.decode()
        row = re.search(r'<div class="actions actions--even">(.*?)</div>', text, re.S)
        assert row
        classes = re.findall(r'class="(button[^"]*)"', row[1])
        assert len(classes) == 2
        assert len({name.strip() for name in classes}) == 1


@pytest.mark.rule("approve in at most three taps, end in at most two", "portal.md, taps")
def test_taps_from_the_mail_to_yes_and_from_home_to_the_end(
    browser: Browser, asked: AccessRequest
) -> None:
    """One page load and two buttons give; one link and one button end."""
    assert browser.get(at(asked)).status_code == 200  # 1: the link in the mail
    assert browser.post(at(asked), {}).status_code == 302  # 2: read and confirm
    confirm(browser, asked, "provision")  # 3: agree
    grant = Grant.objects.get(request=asked)
    home = browser.get("/").content.decode()
    assert f'href="/grants/{grant.pk}/end/"' in home  # 1
    assert browser.post(f"/grants/{grant.pk}/end/").status_code == 302  # 2
    grant.refresh_from_db()
    assert grant.end_kind == Grant.EndKind.WITHDRAWN
