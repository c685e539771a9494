"""Since when an address is verified: noted at sign-up, and renewed by a code from a mail."""

import importlib
import re
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import mail
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone, translation
from django.utils.formats import date_format
from pytest_django import Settings

from accounts.models import MailProof, User
from consent import profiles
from tests import cast
from tests.portal.conftest import signed_in
from vault.models import Pod

PASSWORD = "correct horse 9"
FORM = {"email": "mina@example.kr", "password1": PASSWORD, "password2": PASSWORD, "of_age": "on",
        "notice": "on"}  # fmt: skip
RAN_OUT = "Brands can no longer find you by"


@pytest.fixture(autouse=True)
def _mails(db: None, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture
def stale() -> Pod:
    pod = cast.make_pod()
    cast.proved(pod.owner, timezone.now() - timedelta(days=400))
    return pod


def enter_code(browser: Browser, code: str | None = None) -> None:
    found = re.search(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found
    browser.post("/account/confirm-email/", {"code": code or found[1]})


def proved_at(user: User) -> datetime:
    return MailProof.objects.get(user=user).proved_at


def page(browser: Browser, path: str) -> str:
    return browser.get(path).content.decode()


@pytest.mark.rule("consent.md", "3.3")
def test_the_code_at_sign_up_is_when_an_address_was_verified() -> None:
    browser, before = Browser(), timezone.now()
    browser.post("/account/signup/", FORM)
    user = User.objects.get(email="mina@example.kr")
    assert not MailProof.objects.filter(user=user).exists()
    enter_code(browser)
    assert proved_at(user) >= before


@pytest.mark.rule("consent.md", "3.3")
def test_a_year_that_ran_out_is_said_and_begins_again_with_a_code_from_a_mail(stale: Pod) -> None:
    browser, owner, before = signed_in(stale), stale.owner, timezone.now()
    assert RAN_OUT in page(browser, "/")
    assert RAN_OUT in page(browser, "/settings/")

    browser.post("/account/email/", {"email": owner.email, "action_send": ""})
    assert [sent.to for sent in mail.outbox] == [[owner.email]]
    enter_code(browser)

    assert proved_at(owner) >= before
    until = timezone.localtime(proved_at(owner) + profiles.length("hint_verified_within"))
    assert RAN_OUT not in page(browser, "/")
    with translation.override("en"):
        day = date_format(until, "DATE_FORMAT")
    assert f"ask you until {day}." in page(browser, "/settings/")


def test_a_wrong_code_renews_nothing(stale: Pod) -> None:
    browser, before = signed_in(stale), proved_at(stale.owner)
    browser.post("/account/email/", {"email": stale.owner.email, "action_send": ""})
    enter_code(browser, "wrong")
    assert proved_at(stale.owner) == before


def test_anothers_address_is_not_renewed(stale: Pod) -> None:
    before = proved_at(stale.owner)
    signed_in(cast.make_pod()).post(
        "/account/email/", {"email": stale.owner.email, "action_send": ""}
    )
    assert not mail.outbox
    assert proved_at(stale.owner) == before


def test_signing_in_does_not_ask_when_an_address_was_verified(stale: Pod) -> None:
    stale.owner.set_password(PASSWORD)
    stale.owner.save()
    browser = Browser()
    browser.post("/account/login/", {"login": stale.owner.email, "password": PASSWORD})
    assert browser.session["_auth_user_id"] == str(stale.owner.pk)


def test_what_was_verified_before_counts_from_the_day_of_joining(stale: Pod) -> None:
    other = cast.make_owner(verified=False)
    MailProof.objects.all().delete()
    moved = importlib.import_module("accounts.migrations.0003_addresses_proved_so_far")
    moved.note(apps, SimpleNamespace(connection=connection))
    assert proved_at(stale.owner) == stale.owner.joined_at
    assert not MailProof.objects.filter(user=other).exists()
    (address,) = EmailAddress.objects.filter(user=stale.owner)
    assert MailProof.objects.get().address == address.pk
