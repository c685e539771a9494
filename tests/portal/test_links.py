"""Request links: a guest with a code, the first who confirms has it, wrong codes are counted."""

import pytest
from django.test import Client as Browser

from consent.models import AccessRequest, Client
from tests import cast
from tests.portal.conftest import signed_in
from vault.models import Pod


@pytest.fixture
def link(hotel: Client) -> tuple[str, AccessRequest]:
    made = cast.submit(hotel, cast.make_body())
    assert made.link_code
    return made.link_code, made.request


def test_a_code_leads_to_the_request_and_binds_it(
    browser: Browser, pod: Pod, link: tuple[str, AccessRequest]
) -> None:
    code, asked = link
    page = browser.post("/link/", {"code": code.lower()}, follow=True)
    assert "Maru Hotel" in page.content.decode()
    asked.refresh_from_db()
    assert asked.pod is None, "looking binds nothing"
    assert browser.post("/link/confirm/")["Location"] == f"/requests/{asked.pk}/"
    asked.refresh_from_db()
    assert asked.pod == pod


@pytest.mark.rule("the first opener confirms and binds; sign-up keeps it", "consent.md 3.3")
def test_a_guest_keeps_the_request_through_signing_in(
    pod: Pod, link: tuple[str, AccessRequest]
) -> None:
    code, asked = link
    guest = Browser(headers={"accept-language": "en"})
    page = guest.post("/link/", {"code": code}, follow=True)
    assert "/account/signup/?next=/link/confirm/" in page.content.decode()
    guest.force_login(pod.owner, "allauth.account.auth_backends.AuthenticationBackend")
    guest.post("/link/confirm/")
    asked.refresh_from_db()
    assert asked.pod == pod


def test_the_second_one_finds_nothing(pod: Pod, link: tuple[str, AccessRequest]) -> None:
    code, asked = link
    second = signed_in(cast.make_pod())
    second.post("/link/", {"code": code})
    first = signed_in(pod)
    first.post("/link/", {"code": code})
    first.post("/link/confirm/")
    page = second.post("/link/confirm/", follow=True)
    assert f"/requests/{asked.pk}/" not in page.content.decode()
    asked.refresh_from_db()
    assert asked.pod == pod


def test_wrong_codes_are_counted_until_even_the_right_one_is_refused(
    browser: Browser, link: tuple[str, AccessRequest]
) -> None:
    for _ in range(5):
        assert "does not open" in browser.post("/link/", {"code": "00000000"}).content.decode()
    assert "does not open" in browser.post("/link/", {"code": link[0]}).content.decode()
