"""Story 9: a running club reads the weekly distance, and never the track or the heart.

On the pages of the portal and through the partner's door, in this process: the club's program is
of level 2, so its tokens are bound to a key.
"""

import re
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client as Browser
from django.utils import timezone

from consent.access import calls, reading
from consent.exceptions import GrantEnded, NotGranted
from consent.models import AccessRequest, Client, Grant
from consent.oauth import tokens
from tests import cast
from tests.leaves import leaves
from vault import pods
from vault.models import Pod

JKT = "c" * 43
READ_ONLY = {"actions": ["read"], "fields": None}
SECRETS = ("37.5665", "126.978", "positions", "heart_rate", "171")


@pytest.fixture
def runner(db: None) -> Pod:
    """Somebody who ran twice this week and once the week before, with a watch that saw it all."""
    pod = cast.make_pod()
    monday = timezone.localtime().date() - timedelta(days=timezone.localtime().weekday())
    for day, distance in ((0, 5200), (0, 3100), (-7, 8000)):
        started = f"{monday + timedelta(days=day)}T00:30:00+09:00"
        value = {
            "kind": "run", "started_at": started, "distance_m": distance,
            "heart_rate": {"average": 151, "highest": 171},
            "positions": [{"latitude": 37.5665, "longitude": 126.978, "heart_rate": 171}],
        }  # fmt: skip
        pods.put(pod, "workout", value)
    return pod


@pytest.fixture
def club(db: None) -> Client:
    made = cast.make_client(name_ko="한강러닝클럽", name_en="Han River Runners", level=2)
    categories = {"weekly_distance": READ_ONLY, "workout": READ_ONLY}
    cast.make_template(
        made.partner, categories=categories, title_ko="회원 페이지", title_en="Members' page"
    )
    return made


@pytest.fixture
def asked(runner: Pod, club: Client) -> AccessRequest:
    """The weekly distance for the members' page; the workouts themselves if one likes."""
    why = {"ko": "회원 페이지에서 회원들이 보아요.", "en": "Members see it on the members' page."}
    distance = cast.make_item(required=True, effect_if_refused="service_refused", why=why)
    del distance["category"]
    track = cast.make_item("workout", fields=["positions", "heart_rate"])
    return cast.make_request(runner, club, items=[distance | {"view": "weekly_distance"}, track])


@pytest.fixture
def browser(runner: Pod) -> Browser:
    made = Browser(headers={"accept-language": "ko"})
    made.force_login(runner.owner, "allauth.account.auth_backends.AuthenticationBackend")
    made.cookies["language"] = "ko"
    return made


def agree(browser: Browser, asked: AccessRequest, chosen: dict[str, Any], *ticks: str) -> Any:
    """Choose on the request's page, then make these ticks on the confirm page."""
    browser.post(f"/requests/{asked.pk}/", chosen)
    text = browser.get(f"/requests/{asked.pk}/confirm/").content.decode()
    digest = re.search(r'name="notice" value="([0-9a-f]{64})"', text)
    assert digest
    said = {"tick": list(ticks), "notice": digest[1]}
    browser.post(f"/requests/{asked.pk}/confirm/", said, follow=True)
    return text


def read(club: Client, grant: Grant, **said: Any) -> dict[str, Any]:
    digest = tokens.digest(tokens.issue(club, jkt=JKT))
    body = {"subject": grant.pairwise, "purpose": cast.PURPOSE} | said
    answer = reading.read(digest, calls.parse(body), proof_jkt=JKT)
    found: dict[str, Any] = orjson.loads(orjson.dumps(answer))
    return found


@pytest.mark.rule("Product", "Story 9")
def test_the_page_says_what_leaves_who_sees_it_and_shows_just_that(
    browser: Browser, asked: AccessRequest
) -> None:
    text = browser.get(f"/requests/{asked.pk}/").content.decode()

    assert "주간 운동 거리" in text
    assert "위치와 경로, 심박수는 나가지 않아요" in text
    assert "회원 페이지에서 회원들이 보아요." in text
    assert re.search(r"8[,.]?300|8300", text), "the preview shows this week's sum"


@pytest.mark.rule("Product", "Story 9")
def test_who_gives_the_distance_gives_neither_track_nor_heart(
    browser: Browser, asked: AccessRequest, club: Client
) -> None:
    confirmed = agree(browser, asked, {}, "provision", "sensitive")
    assert 'value="sensitive"' in confirmed
    assert 'value="location"' not in confirmed
    grant = Grant.objects.get(request=asked)

    answer = read(club, grant, view="weekly_distance")

    (record,) = answer["records"]
    assert [week["distance_m"] for week in record["data"]["weeks"]] == [8000.0, 8300.0]
    assert not any(secret in str(answer) for secret in SECRETS)
    with pytest.raises(NotGranted):
        read(club, grant, category="workout")
    assert [leaf["categories"] for leaf in leaves("record.read")] == [["weekly_distance"]]
    activity = browser.get("/activity/").content.decode()
    assert "주간 운동 거리" in activity
    assert "한강러닝클럽" in activity


@pytest.mark.rule("PIPA", "Art. 23")
def test_position_and_heart_need_ticks_of_their_own(browser: Browser, asked: AccessRequest) -> None:
    confirmed = agree(browser, asked, {"take-1": "on"}, "provision", "sensitive")

    assert 'value="location"' in confirmed
    assert not Grant.objects.filter(request=asked).exists()


@pytest.mark.rule("PIPA", "Art. 37")
def test_ending_it_ends_the_view(browser: Browser, asked: AccessRequest, club: Client) -> None:
    agree(browser, asked, {}, "provision", "sensitive")
    grant = Grant.objects.get(request=asked)
    read(club, grant, view="weekly_distance")

    browser.post(f"/grants/{grant.pk}/end/", follow=True)

    with pytest.raises(GrantEnded):
        read(club, grant, view="weekly_distance")
    assert grant.obligations.exists()
