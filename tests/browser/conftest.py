"""A real Chromium against a live server, with a world in which every page shows something."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from consent import alliances, grants
from consent.actors import Actor
from consent.models import AccessRequest, Grant, Journey
from tests import airport, cast
from vault import pods
from vault.models import Pod, Record

# Playwright's loop runs in this thread, and Django would refuse the database beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
PASSWORD = "correct horse 9"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class World:
    """A person with data, a live grant, an ended one and a request with every kind of tick."""

    pod: Pod
    asked: AccessRequest
    small: AccessRequest
    grant: Grant
    ended: Grant
    record: Record
    waiting: Journey
    under_way: Journey
    left: Journey
    pages: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def world(transactional_db: None) -> World:
    pod = cast.make_pod()
    owner = pod.owner
    owner.set_password(PASSWORD)
    owner.save()
    record = pods.put(
        pod,
        "stay",
        {
            "hotel": "마루호텔 서울",
            "city": "서울",
            "check_in": "2026-08-14",
            "requests": ["높은 층"],
        },
    )
    pods.put(pod, "workout", {"kind": "run", "started_at": "2026-11-20T06:10:00+09:00"})
    hotel = cast.make_client(name_ko="마루호텔 · 컨시어지", name_en="Maru Hotel · Concierge")
    cast.make_template(hotel.partner)
    grant = cast.make_grant(pod, hotel, items=[cast.make_item("stay"), cast.make_item("itinerary")])
    rental = cast.make_client(name_ko="별빛렌터카", name_en="Starlight Rentals")
    cast.make_template(rental.partner)
    ended = cast.make_grant(pod, rental)
    grants.end(ended, Grant.EndKind.WITHDRAWN, "", Actor.owner(owner))
    small = cast.make_request(pod, rental)
    club = cast.make_client(
        name_ko="아주 긴 이름을 가진 한강러닝클럽 서울 동북부 지회 회원 서비스 센터",
        name_en="Hangang Running Club with a Remarkably Long Name, North-Eastern Chapter",
        level=2,
    )
    reads = {"actions": ["read"], "fields": None}
    named = {"workout": reads, "stay": reads, "official_id": reads}
    cast.make_template(club.partner, categories=named)
    asked = cast.make_request(
        pod,
        club,
        items=[
            cast.make_item("workout", required=True, effect_if_refused="less_personal"),
            cast.make_item("stay"),
            cast.make_item("official_id"),
        ],
        frequency={"count": 3, "unit": "day"},
    )
    made = World(pod, asked, small, grant, ended, record, *_journeys(pod))
    made.pages = _pages(made)
    return made


def _journeys(pod: Pod) -> tuple[Journey, Journey, Journey]:
    """One that waits, one under way, one that was left."""
    sky = airport.make_airport()
    waiting = airport.make_journey(pod, sky)
    under_way, left = (airport.make_journey(pod) for _ in range(2))
    for journey in (under_way, left):
        for request in AccessRequest.objects.filter(stop__journey=journey)[:2]:
            cast.approve(request)
    alliances.end_journey(left, Actor.owner(pod.owner))
    return waiting, under_way, left


def _pages(world: World) -> dict[str, str]:
    item = world.grant.items.first()
    assert item is not None
    grant, asked, record = world.grant.pk, world.asked.pk, world.record.pk
    return {
        "home": "/",
        "requests": "/requests/",
        "request": f"/requests/{asked}/",
        "refuse": f"/requests/{asked}/refuse/",
        "done": f"/requests/{world.grant.request.pk}/done/",
        "grant": f"/grants/{grant}/",
        "notice": f"/grants/{grant}/notice/",
        "end": f"/grants/{grant}/end/",
        "end item": f"/grants/{grant}/items/{item.pk}/end/",
        "ended": f"/grants/{world.ended.pk}/",
        "journey": f"/journeys/{world.waiting.pk}/",
        "under way": f"/journeys/{world.under_way.pk}/",
        "left": f"/journeys/{world.left.pk}/",
        "leave": f"/journeys/{world.under_way.pk}/end/",
        "end all": "/end/",
        "end category": "/data/stay/end/",
        "end purpose": f"/grants/{grant}/purpose/end/",
        "what ended": "/ended/",
        "block": f"/brands/{world.grant.partner_id}/block/",
        "blocked": "/settings/blocked/",
        "messages": "/settings/messages/",
        "erase": "/data/erase/",
        "activity": "/activity/",
        "nothing of a kind": "/activity/?show=refused",
        "data": "/data/",
        "category": "/data/stay/",
        "add": "/data/preferences/add/",
        "record": f"/data/records/{record}/",
        "delete": f"/data/records/{record}/delete/",
        "import": "/data/import/",
        "settings": "/settings/",
        "link": "/link/",
        "second factor": "/account/2fa/",
        "keys": "/account/2fa/webauthn/",
        "sessions": "/account/sessions/",
        "email": "/account/email/",
        "password": "/account/password/change/",
        "sign out": "/account/logout/",
        "privacy": "/privacy/",
        "officer": "/privacy/officer/",
        "person": "/help/",
        "limits": "/about/limits/",
        "api": "/about/api/",
        "nowhere": "/nowhere/",
    }


class Visitor:
    """Somebody at a browser of a given size, language and taste."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context, self.origin = context, origin
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._listen)

    def _listen(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "violates" in message.text:
            self.complaints.append(message.text)

    def goto(self, path: str) -> Page:
        """Open a page of the vault."""
        self.page.goto(self.origin + path, wait_until="load")
        return self.page

    def sign_in(self, user: User) -> "Visitor":
        """Sign in by the form, as everybody does."""
        self.goto("/account/login/")
        self.page.fill("[name=login]", user.email)
        self.page.fill("[name=password]", PASSWORD)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_url(self.origin + "/")
        return self


@pytest.fixture
def visit(chromium: Browser, live_server: LiveServer, settings: Any) -> Iterator[Any]:
    """Return a function that opens a browser window."""
    settings.ACCOUNT_RATE_LIMITS = False
    contexts = []

    def open_window(
        *, width: int = 390, language: str = "ko", scheme: str = "light", script: bool = True
    ) -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": 844},
            locale="ko-KR" if language == "ko" else "en-US",
            color_scheme=scheme,
            java_script_enabled=script,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        return Visitor(context, live_server.url)

    yield open_window
    for context in contexts:
        context.close()


def speak(user: User, language: str) -> None:
    """Let somebody prefer a language, as the switch on every page does."""
    assert language in dict(settings.LANGUAGES)
    User.objects.filter(pk=user.pk).update(language=language)
