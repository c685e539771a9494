"""Accounts: one per address, the notice agreed to by a tick of one's own, each sign-in an entry."""

import hashlib
import json
import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from pytest_django import Settings

from accounts import backends
from accounts.models import User
from audit import entries
from audit.models import Entry, Tally
from audit.types import EntryType
from portal.common import signup_notice
from tests import cast
from vault.models import Pod

PASSWORD = "correct horse 9"
FORM = {
    "email": "Mina@Example.KR",
    "password1": PASSWORD,
    "password2": PASSWORD,
    "of_age": "on",
    "notice": "on",
}


@pytest.fixture
def guest(db: None, settings: Settings) -> Browser:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ACCOUNT_RATE_LIMITS = False
    return Browser(headers={"accept-language": "en"})


def kinds(user: User) -> list[str]:
    return [seen.type for seen in entries.of_person(user.ref)]


def test_addresses_are_one_however_they_are_written(db: None) -> None:
    user = User.objects.create_user(" Mina@Example.KR ")
    assert user.email == "mina@example.kr"
    assert User.objects.get_by_natural_key("MINA@example.kr") == user
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("mina@EXAMPLE.kr")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Upper@example.kr")


@pytest.mark.rule("sign-up shows the four items of Art. 15②", "consent.md 11.7")
@pytest.mark.parametrize("language", ["ko", "en"])
def test_sign_up_shows_the_operators_four_items_in_order(guest: Browser, language: str) -> None:
    guest.cookies["language"] = language
    text = guest.get("/account/signup/").content.decode()
    items = (
        "수집·이용 목적",
        "수집하려는 개인정보의 항목",
        "보유 및 이용 기간",
        "동의를 거부할 권리가 있다는 사실 및 동의 거부에 따른 불이익",
    )
    places = [text.index(item) for item in items]
    assert places == sorted(places)
    assert signup_notice.current(language).html in text


@pytest.mark.rule("주민등록번호 is neither stored nor requested", "consent.md 11.4")
@pytest.mark.parametrize("name", ["900101-1234567", "9001011234568", "rrn.900101.1234567"])
def test_an_address_that_is_a_resident_number_is_refused_at_both_forms(
    guest: Browser, name: str
) -> None:
    address = {"email": f"{name}@example.kr"}
    page = guest.post("/account/signup/", FORM | address).content.decode()
    assert "Resident registration numbers" in page
    assert not User.objects.exists()

    guest.force_login(cast.make_pod().owner)
    page = guest.post("/account/email/", address | {"action_add": ""}).content.decode()
    assert "Resident registration numbers" in page
    assert not EmailAddress.objects.filter(email=address["email"]).exists()
    assert not mail.outbox


def test_sign_up_makes_account_pod_and_the_pinned_notice_at_once(guest: Browser) -> None:
    guest.post("/account/signup/", FORM)
    user = User.objects.get(email="mina@example.kr")
    assert Pod.objects.filter(owner=user).exists()
    assert user.language == "en"
    (made,) = entries.of_person(user.ref, types=[EntryType.ACCOUNT_MADE])
    notice = signup_notice.current("en")
    assert made.leaf["notice"] == notice.digest == hashlib.sha256(notice.body).hexdigest()
    assert made.detail is not None
    assert made.detail["notice_version"] == signup_notice.VERSION
    assert "mina" not in str(made.leaf)


@pytest.mark.parametrize("left_out", ["notice", "of_age"])
def test_without_its_tick_there_is_no_account(guest: Browser, left_out: str) -> None:
    page = guest.post("/account/signup/", {k: v for k, v in FORM.items() if k != left_out})
    assert page.status_code == 200
    assert not User.objects.exists()


def test_a_failure_in_the_middle_leaves_no_account(
    guest: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.customer.forms.accounts._note", lambda *_: 1 / 0)
    guest.raise_request_exception = False
    assert guest.post("/account/signup/", FORM).status_code == 500
    assert not User.objects.exists()
    assert not Pod.objects.exists()


def test_an_address_that_is_taken_looks_the_same_as_one_that_is_not(guest: Browser) -> None:
    cast.make_owner("mina@example.kr")
    taken = guest.post("/account/signup/", FORM)
    fresh = Browser().post("/account/signup/", FORM | {"email": "other@example.kr"})
    assert taken.status_code == fresh.status_code == 302
    assert taken["Location"] == fresh["Location"]


def test_the_code_from_the_mail_opens_the_vault(guest: Browser) -> None:
    guest.post("/account/signup/", FORM)
    code = re.search(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", str(mail.outbox[0].body), re.M)
    assert code
    assert guest.post("/account/confirm-email/", {"code": code[1]}).status_code == 302
    assert "Nobody can see your data" in guest.get("/").content.decode()


def test_sign_ins_failures_and_sign_outs_are_entries(guest: Browser) -> None:
    user = cast.make_owner("mina@example.kr")
    user.set_password(PASSWORD)
    user.language = "ko"
    user.save()
    guest.post("/account/login/", {"login": "mina@example.kr", "password": "wrong"})
    answer = guest.post("/account/login/", {"login": "mina@example.kr", "password": PASSWORD})
    assert answer.cookies["language"].value == "ko", "the person's own language comes along"
    guest.post("/account/logout/")
    assert kinds(user)[:3] == [
        EntryType.LOGIN_ENDED,
        EntryType.LOGIN_SUCCEEDED,
        EntryType.LOGIN_FAILED,
    ]


@pytest.mark.rule("nobody learns who is a customer, nobody fills the log", "issue 4, must hold")
def test_guesses_at_unknown_addresses_are_counted_by_the_hour_and_name_nobody(
    guest: Browser,
) -> None:
    before = Entry.objects.count()
    for name in ("nobody", "noone", "none"):
        guest.post("/account/login/", {"login": f"{name}@example.kr", "password": "wrong"})
    (entry,) = Entry.objects.order_by("seq")[before:]
    leaf = json.loads(bytes(entry.leaf))
    assert (leaf["type"], leaf["actor"]) == ("login.failed", {"role": "owner"})
    assert "commitment" not in leaf
    assert Tally.objects.get().repeats == 2


def test_an_address_that_somebody_has_proven_signs_in_nobody_else(guest: Browser) -> None:
    hers = cast.make_owner("mina@example.kr")
    his = User.objects.create_user("han@example.kr", PASSWORD)
    EmailAddress.objects.create(user=his, email=hers.email, verified=False, primary=True)
    assert backends.users_of(hers.email) == [hers]
    guest.post("/account/login/", {"login": hers.email, "password": PASSWORD})
    assert "_auth_user_id" not in guest.session


def test_staff_without_a_pod_sign_in_too(guest: Browser) -> None:
    from audit.models import Entry

    staff = User.objects.create_user("staff@example.kr", PASSWORD, is_staff=True)
    guest.force_login(staff)
    guest.post("/account/logout/")
    assert Entry.objects.filter(type=EntryType.LOGIN_ENDED).exists()
