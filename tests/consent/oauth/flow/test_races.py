"""Two at once: of a code, of a request_uri, of a refresh token and its end."""

import pytest
from django.test import Client as Browser

from consent import requests
from consent.actors import Actor
from consent.models import AccessRequest, AccessToken, Grant, RefreshToken
from consent.oauth import redeeming
from tests.consent.oauth.flow.hotel import Hotel, agree, query, walk
from tests.threads import errors, together
from vault.models import Pod

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def code_of(hotel: Hotel, browser: Browser) -> str:
    return query(agree(browser, hotel.front(hotel.push())))["code"]


@pytest.mark.rule("codes are single use, reuse kills the tokens", "issue 4, item 1")
def test_of_four_redemptions_at_once_at_most_one_is_answered_and_none_keeps_a_token(
    hotel: Hotel, browser: Browser
) -> None:
    for _ in range(3):
        code = code_of(hotel, browser)
        statuses = together(*[lambda code=code: hotel.redeem(code).status_code] * 4)
        assert sorted(statuses) == [200, 400, 400, 400]
    assert not AccessToken.objects.filter(killed_at=None).exists()
    assert not RefreshToken.objects.filter(killed_at=None).exists()


def test_of_two_answers_at_once_one_has_the_code(
    hotel: Hotel, browser: Browser, guest: Pod
) -> None:
    place = walk(browser, hotel.front(hotel.push())).request["PATH_INFO"]
    asked = AccessRequest.objects.get()
    requests.refuse(asked, actor=Actor.owner(guest.owner))
    back = f"/oauth/authorize/{asked.pk}/back/"
    answers = together(*[lambda: browser.get(back)["Location"]] * 4)
    assert not errors(answers)
    assert sorted(answers)[:3] == [place] * 3
    assert "error=access_denied" in sorted(answers)[3]


def test_a_refresh_beside_its_own_end_leaves_no_live_token(hotel: Hotel, browser: Browser) -> None:
    for _ in range(5):
        told = hotel.redeem(code_of(hotel, browser)).json()
        value = told["refresh_token"]
        form = {"grant_type": "refresh_token", "refresh_token": value}
        outcomes = together(
            lambda form=form: hotel.token(form),
            lambda value=value: redeeming.kill_refresh(value, hotel.client),
            lambda form=form: hotel.token(form),
        )
        assert not errors(outcomes)
        grant = Grant.objects.get(pk=told["grant_id"])
        assert not AccessToken.objects.filter(grant=grant, killed_at=None).exists()
