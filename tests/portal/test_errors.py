"""Error pages say what is and what one can do, in both languages, and need nothing that is broken."""

import pytest
from django.test import Client as Browser
from pytest_django import DjangoAssertNumQueries

from consent.exceptions import TryAgain
from keys.exceptions import ProviderAway
from vault.exceptions import RecordGone

TITLES = {
    400: ("보내신 내용을 이해하지 못했어요", "We could not understand that"),
    404: ("여기에는 아무것도 없어요", "There is nothing here"),
    500: ("저희 쪽에 문제가 생겼어요", "Something went wrong on our side"),
    503: ("금고가 잠시 쉬고 있어요", "The vault is taking a short break"),
}


def broken(browser: Browser, monkeypatch: pytest.MonkeyPatch, error: Exception) -> object:
    def fail(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr("portal.customer.timeline.of", fail)
    browser.raise_request_exception = False
    return browser.get("/activity/")


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize(
    ("error", "status"),
    [(ProviderAway("x"), 503), (TryAgain(), 503), (RecordGone(), 404), (ValueError("secret"), 500)],
)
def test_what_breaks_below_a_page_becomes_the_fitting_page(
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    language: str,
) -> None:
    browser.cookies["language"] = language
    answer = broken(browser, monkeypatch, error)
    text = answer.content.decode()
    assert answer.status_code == status
    assert TITLES[status][language == "en"] in text
    assert "secret" not in text
    assert f'<html lang="{language}">' in text
    assert text.count("<h1") == 1
    assert TITLES[status][language == "en"] in text.partition("<h1")[2].partition("</h1>")[0]
    assert answer["Cache-Control"] == "no-store"


def test_the_page_for_a_vault_that_is_away_asks_the_database_for_nothing(
    db: None, rf: object, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    from django.contrib.auth.models import AnonymousUser
    from django.template.loader import render_to_string

    request = rf.get("/")
    request.user, request.session = AnonymousUser(), {}
    with django_assert_num_queries(0):
        for name in ("500.html", "503.html"):
            assert "<main" in render_to_string(name, {}, request)
            assert "<main" in render_to_string(name)


def test_an_unknown_address_and_an_old_form_have_their_pages(db: None) -> None:
    guest = Browser(enforce_csrf_checks=True, headers={"accept-language": "en"})
    assert "There is nothing here" in guest.get("/nowhere/").content.decode()
    old = guest.post("/account/login/", {"login": "x"})
    assert old.status_code == 403
    assert "open for a long time" in old.content.decode()
