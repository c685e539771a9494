"""Every route of the portal, tried by everybody whose it is not: a guest, another customer, staff."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from audit.models import Entry
from consent import standing
from consent.actors import Actor
from consent.models import AccessRequest, Grant, StandingRule
from tests import airport
from tests.portal.conftest import World
from vault.models import Record

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "delete", "patch")
SIGN_IN = "/account/login/"
# What a person without an account may open, and what a browser comes with before it has signed in.
PUBLIC = {"language", "privacy", "officer", "person", "limits", "link", "authorize"}
# Routes that name no thing: another customer finds their own there, and never somebody else's.
OWN = {
    "home", "pause-all", "pause-over", "end-all", "ended", "messages", "blocked", "settings",
    "link-confirm", "requests", "activity", "data", "data-import", "erase", "erase-confirm",
    "erase-hasten", "data-category", "category-end", "data-add",
}  # fmt: skip
# Routes that name one: another customer is told that there is none.
NAMED = {
    "brand-end", "brand-block", "authorize-bring", "authorize-back", "request", "request-confirm",
    "request-refuse", "request-later", "request-done", "journey", "journey-confirm", "journey-end",
    "unblock", "grant", "grant-notice", "grant-pause", "grant-end", "grant-end-item", "grant-recall",
    "purpose-end", "data-record", "data-change", "data-delete", "data-hide",
}  # fmt: skip
# Where a guest is led who has nothing to confirm there.
LEADS = {"erase-hasten": "/", "link-confirm": "/link/"}
HOME = {"home"}  # shows a guest what this is


def routes(patterns: Any = None, before: str = "") -> Iterator[tuple[str, str]]:
    for one in get_resolver("portal.urls").url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield str(one.name), before + str(one.pattern)


@pytest.fixture
def paths(world: World) -> dict[str, str]:
    """Every route, filled with the guest's own things."""
    item = world.grant.items.first()
    assert item is not None
    journey = airport.ask(airport.make_airport(), world.pod).journey
    about = standing.About(category="health")
    standing.block(world.pod, about, Actor.owner(world.pod.owner))
    filled = {
        "request_id": world.request.pk, "grant_id": world.grant.pk, "record_id": world.record.pk,
        "journey_id": journey.pk, "partner_id": world.grant.partner_id, "item_id": item.pk,
        "name": "stay", "rule_id": standing.rules(world.pod)[0][0],
    }  # fmt: skip
    return {
        name: "/" + re.sub(r"<\w+:(\w+)>", lambda found: str(filled[found[1]]), route)
        for name, route in routes()
    }


@pytest.fixture
def staff(db: None) -> Browser:
    user = User.objects.create_user("staff@example.com", None, is_staff=True)
    browser = Browser(headers={"accept-language": "en"})
    browser.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    return browser


@pytest.fixture
def _untouched(world: World, paths: dict[str, str]) -> Iterator[None]:
    """Whatever they try, the guest's things are as they were, once `paths` has made them."""
    before = state(world)
    yield
    assert state(world) == before


def state(world: World) -> list[Any]:
    world.pod.refresh_from_db()
    return [
        list(Grant.objects.order_by("pk").values("pk", "epoch", "ended_at", "paused_at")),
        list(AccessRequest.objects.order_by("pk").values("pk", "decided_at", "closed_at")),
        list(Record.objects.filter(pod=world.pod).values("pk", "version")),
        StandingRule.objects.filter(pod=world.pod, removed_at=None).count(), world.pod.paused_at,
        world.pod.erased_at, Entry.objects.filter(type__startswith="record.").count(),
    ]  # fmt: skip


@pytest.mark.rule("a route without a case fails", "issue 4, must hold")
def test_every_route_of_the_portal_is_known_here() -> None:
    assert {name for name, _ in routes()} == PUBLIC | OWN | NAMED
    assert not (PUBLIC & OWN) | (OWN & NAMED) | (PUBLIC & NAMED)


@pytest.mark.rule("foreign ids on every route × method × role", "issue 4, must hold")
@pytest.mark.usefixtures("_untouched")
def test_a_guest_is_asked_to_sign_in(paths: dict[str, str]) -> None:
    for name in (OWN | NAMED) - HOME:
        for method in METHODS:
            answer = getattr(Browser(), method)(paths[name])
            if answer.status_code != 405:
                assert answer.status_code == 302, (method, name)
                assert answer["Location"].startswith(LEADS.get(name, SIGN_IN)), (method, name)


@pytest.mark.rule("foreign ids on every route × method × role", "issue 4, must hold")
@pytest.mark.usefixtures("_untouched")
def test_another_customer_finds_nothing_and_learns_nothing(
    stranger: Browser, paths: dict[str, str]
) -> None:
    for name in NAMED:
        unknown = re.sub(r"[0-9a-f-]{36}", lambda _: str(uuid4()), paths[name])
        for method in METHODS:
            answers = [getattr(stranger, method)(path) for path in (paths[name], unknown)]
            statuses = {answer.status_code for answer in answers}
            assert len(statuses) == 1, (method, name, statuses)
            assert statuses <= {302, 400, 404, 405}, (method, name, statuses)
            assert not leads_on(answers[0], paths[name]), (method, name)


def leads_on(answer: Any, path: str) -> bool:
    """Whether a redirect leads anywhere but to a page that says that there is none."""
    if answer.status_code != 302:
        return False
    return bool(answer.client.get(answer["Location"]).status_code == 200 and path != "/")


@pytest.mark.rule("foreign ids on every route × method × role", "issue 4, must hold")
@pytest.mark.usefixtures("_untouched")
def test_staff_have_no_way_to_a_customers_things(staff: Browser, paths: dict[str, str]) -> None:
    for name in OWN | NAMED:
        for method in METHODS:
            answer = getattr(staff, method)(paths[name])
            if (
                answer.status_code == 200 and name in NAMED
            ):  # no pod, and so no page about anything in one
                shown = {each.name for each in answer.templates}
                assert "portal/customer/no_pod.html" in shown, (method, name)
            assert answer.status_code in {200, 302, 400, 403, 404, 405}, (method, name)
            assert b"Maru" not in answer.content, (method, name)


@pytest.mark.usefixtures("_untouched")
def test_what_another_customer_sends_to_their_own_pages_reaches_nobody_else(
    stranger: Browser, world: World, paths: dict[str, str]
) -> None:
    assigned = {"pod": world.pod.pk, "owner": world.pod.owner.pk, "grant": world.grant.pk,
                "record": world.record.pk, "is_staff": "1", "user": world.pod.owner.pk}  # fmt: skip
    for name in OWN:
        assert stranger.post(paths[name], assigned).status_code < 500, name
        page = stranger.get(paths[name], {"owner": world.pod.owner.pk, "pod": world.pod.pk})
        assert b"Maru Hotel" not in page.content, name
