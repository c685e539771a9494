"""What Django and allauth say on our pages, they say in our voice."""

from pathlib import Path

import allauth
import django
import polib
import pytest
from allauth.mfa.models import Authenticator
from django.test import Client as Browser

from portal.common.borrowed import COUNTED, SENTENCES
from vault.models import Pod

THEIRS = (
    Path(allauth.__file__).parent / "locale",
    Path(django.__file__).parent / "conf" / "locale",
    Path(django.__file__).parent / "contrib" / "auth" / "locale",
)


def theirs() -> set[str]:
    files = (each / "ko" / "LC_MESSAGES" / "django.mo" for each in THEIRS)
    return {entry.msgid for file in files for entry in polib.mofile(str(file))}


def test_every_borrowed_sentence_is_still_said_by_them() -> None:
    assert {*SENTENCES, *(one for one, _many in COUNTED)} <= theirs()


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        (
            "login",
            {"login": "a@example.com", "password": "x"},
            "이메일 또는 비밀번호가 맞지 않아요.",
        ),
        ("login", {}, "꼭 필요한 항목이에요."),
        ("signup", {"email": "a", "password1": "short"}, "너무 짧은 비밀번호예요. 10자 이상"),
        ("password/reset", {"email": "a"}, "이메일 주소를 다시 확인해 주세요."),
    ],
)
def test_the_forms_of_an_account_speak_as_our_pages_do(
    db: None, path: str, form: dict[str, str], said: str
) -> None:
    page = Browser(headers={"accept-language": "ko"}).post(f"/account/{path}/", form)
    assert page.status_code == 200
    assert said in page.content.decode()


def test_the_page_of_keys_names_each_and_leads_to_changing_it(browser: Browser, pod: Pod) -> None:
    assert "No key is registered here yet" in browser.get("/account/2fa/webauthn/").content.decode()
    key = Authenticator.objects.create(
        user=pod.owner,
        type=Authenticator.Type.WEBAUTHN,
        data={"name": "My phone", "credential": {}},
    )
    text = browser.get("/account/2fa/webauthn/").content.decode()
    assert "My phone" in text
    assert "not used yet" in text
    assert f"/account/2fa/webauthn/keys/{key.pk}/remove/" in text
