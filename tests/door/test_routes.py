"""Every method on every route, every spelling of a path, every id that is somebody else's."""

import re
import statistics
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from audit.models import Entry
from consent import grants
from consent.actors import Actor
from consent.models import Grant, Obligation
from consent.models.grants import Grant as GrantRow
from tests import cast
from tests.door.brand import Brand, code
from tests.door.doors import DOORS, NO_VALUES
from vault.models import Pod

pytestmark = pytest.mark.django_db
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW")
# A route without a line here fails the test below.
ALLOWED = {
    "api/v1/requests": {"POST"},
    "api/v1/requests/reasons": {"GET", "HEAD"},
    "api/v1/requests/<uuid:request_id>": {"GET", "HEAD"},
    "api/v1/journeys": {"POST"},
    "api/v1/journeys/<uuid:journey_id>": {"GET", "HEAD"},
    "api/v1/grants/<uuid:grant_id>": {"GET", "HEAD", "DELETE"},
    "api/v1/reads": {"POST"},
    "api/v1/reads/batch": {"POST"},
    "api/v1/changes": {"POST"},
    "api/v1/contributions": {"POST"},
    "api/v1/contributions/bulk": {"POST"},
    "api/v1/events/poll": {"POST"},
    "api/v1/obligations": {"GET", "HEAD"},
    "api/v1/obligations/<uuid:obligation_id>/attestation": {"POST"},
    "oauth/token": {"POST"},
    "oauth/par": {"POST"},
    "oauth/introspect": {"POST"},
    "oauth/revoke": {"POST"},
    "oauth/register": {"POST"},
    "api/v1/openapi.json": {"GET", "HEAD"},
    ".well-known/oauth-authorization-server": {"GET", "HEAD"},
    ".well-known/oauth-protected-resource": {"GET", "HEAD"},
    ".well-known/jwks.json": {"GET", "HEAD"},
}
OPEN = {
    route for route in ALLOWED if route.startswith((".well-known", "oauth", "api/v1/openapi.json"))
}


def routes(patterns: Any = None, before: str = "") -> Iterator[str]:
    for one in get_resolver("config.urls_partner").url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield before + str(one.pattern)


def path_of(route: str) -> str:
    return "/" + re.sub(r"<uuid:\w+>", lambda _: str(uuid4()), route)


@pytest.fixture(params=["slim", "whole"])
def _face(request: pytest.FixtureRequest, settings: Settings) -> None:
    """The process for partners alone, and the one that has pages, too."""
    if request.param == "whole":
        settings.ROOT_URLCONF = "config.urls"
        settings.MIDDLEWARE = settings.PORTAL_MIDDLEWARE


@pytest.mark.rule("a route without a case fails", "assurance.md, case 15")
def test_every_route_is_known_here() -> None:
    assert set(routes()) == set(ALLOWED)


@pytest.mark.rule("a later door joins the same test", "issue 3")
def test_every_route_is_walked_through_in_flight_or_carries_no_value() -> None:
    walked = {door.route for door in DOORS.values()}
    assert walked.isdisjoint(NO_VALUES)
    assert set(routes()) == walked | NO_VALUES


def said(answer: Any, route: str, method: str) -> str:
    """The problem's code; the OAuth endpoints speak RFC 6749, and HEAD says nothing."""
    if method == "HEAD" or answer.status_code < 400:
        assert method != "HEAD" or not answer.content
        return ""
    if route.startswith("oauth"):
        assert answer["Content-Type"] == "application/json"
        assert answer["Cache-Control"] == "no-store"
        return str(answer.json()["error"])
    return code(answer)


@pytest.mark.usefixtures("_face")
def test_a_method_that_does_not_exist_is_405_for_all_and_says_which_do(hotel: Brand) -> None:
    for route, allowed in ALLOWED.items():
        for method in METHODS:
            answer = hotel.send(method, path_of(route), {})
            told = said(answer, route, method)
            if method in allowed:
                assert answer.status_code != 405, (method, route)
            else:
                assert answer.status_code == 405, (method, route)
                assert told in {"", "method-not-allowed", "invalid_request"}
                assert allowed <= {each.strip() for each in answer["Allow"].split(",")}


@pytest.mark.rule("no or odd Authorization", "issue, bad input")
@pytest.mark.usefixtures("_face")
def test_without_a_token_every_route_is_401(hotel: Brand) -> None:
    stranger = Browser(raise_request_exception=False)
    # A read's token is looked up with everything else, so its body is read before.
    body = b'{"subject":"s","category":"stay","purpose":"dpv:CustomerCare"}'
    headers = {
        "none": "", "another scheme": "Basic eDp5", "no value": "Bearer", "unknown": "Bearer abc",
        "two": f"Bearer {hotel.token}, Bearer {hotel.token}", "cut": f"Bearer {hotel.token[:-1]}",
        "bare": hotel.token, "long": "Bearer " + "x" * 9000, "lower digest": "Bearer " + "0" * 64,
    }  # fmt: skip
    for route in set(ALLOWED) - OPEN:
        for method in ALLOWED[route]:
            for name, header in headers.items():
                given = {"Authorization": header} if header else {}
                answer = stranger.generic(
                    method, path_of(route), body, content_type="application/json", headers=given
                )
                assert answer.status_code == 401, (name, method, route)
                assert said(answer, route, method) in {"", "invalid-token"}
                assert answer["WWW-Authenticate"].startswith("Bearer ")
                assert ("error=" in answer["WWW-Authenticate"]) == bool(header)


TRICKS = (
    "/api/v1/reads/", "//api/v1/reads", "/api//v1/reads", "/API/v1/reads", "/api/V1/reads",
    "/api/v1/./reads", "/api/v1/x/../reads", "/api/v1/x/%2e%2e/reads", "/api/v1/reads%00",
    "/api/v1/reads%0a", "/api/v1/reads%20", "/api/v1/reads;a=1", "/api/v1\\reads", "/api/v1/reads.json",
    "/api/v1/%FF", "/api/v1/ｒeads", "/api/v2/reads", "/api", "/api/",
    "/oauth/token/", "/oauth", "/.well-known/", "/api/v1/requests/1", "/api/v1/requests/%7Bid%7D",
    "/api/v1/requests/00000000-0000-0000-0000-00000000000G", "/../etc/passwd",
)  # fmt: skip


@pytest.mark.rule("path tricks", "assurance.md, case 41")
@pytest.mark.usefixtures("_face")
def test_a_path_that_is_not_a_route_is_not_taken_for_one(
    hotel: Brand, call: dict[str, Any]
) -> None:
    before = Entry.objects.count()
    for trick in TRICKS:
        for method in ("GET", "POST"):
            answer = hotel.send(method, trick, call)
            assert answer.status_code == 404, trick
            if trick.startswith(("/api/", "/.well-known/")):
                assert code(answer) == "not-found"
    assert Entry.objects.count() == before


def test_an_encoded_letter_is_the_same_letter(hotel: Brand, call: dict[str, Any]) -> None:
    assert hotel.send("POST", "/api/v1/%72eads", call).status_code == 200


@pytest.mark.rule("header spoofing, method override, repeated parameters", "assurance.md, case 41")
def test_headers_and_queries_that_others_obey_change_nothing(
    hotel: Brand, call: dict[str, Any]
) -> None:
    for headers in (
        {"X-HTTP-Method-Override": "POST"}, {"X-Method-Override": "POST"}, {"X-User-Id": "1"},
        {"X-Original-URL": "/api/v1/obligations"}, {"X-Rewrite-URL": "/api/v1/obligations"},
    ):  # fmt: skip
        assert hotel.send("GET", "/api/v1/reads", headers=headers).status_code == 405
        assert hotel.read(call, headers=headers).status_code == 200
    for query in ("?_method=POST", "?format=xml", "?subject=x", "?access_token=x"):
        assert hotel.send("GET", "/api/v1/reads" + query).status_code == 405
        assert hotel.send("POST", "/api/v1/reads" + query, call).status_code == 200
        assert hotel.send("GET", "/api/v1/obligations" + query).status_code == 200
    forged = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "evil.example",
        "Host": "evil.example",
    }
    assert "evil" not in hotel.ask(cast.make_body(), headers=forged).content.decode()


def test_only_json_is_answered(hotel: Brand) -> None:
    assert code(hotel.send("GET", "/api/v1/obligations", headers={"Accept": "text/html"})) == (
        "not-acceptable"
    )
    for accept in ("*/*", "application/*", "text/html, application/json;q=0.1", "application/json"):
        answer = hotel.send("GET", "/api/v1/obligations", headers={"Accept": accept})
        assert answer["Content-Type"] == "application/json"


def test_success_is_not_kept_by_a_cache_either(hotel: Brand, call: dict[str, Any]) -> None:
    asked = hotel.ask(cast.make_body())
    for answer in (
        hotel.read(call), asked, hotel.poll(asked.json()["id"]), hotel.knock(),
        hotel.send("GET", "/api/v1/obligations"), hotel.contribute({}),
    ):  # fmt: skip
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert not answer.cookies


# Somebody else's ---------------------------------------------------------------------
@pytest.fixture
def owed(hotel: Brand, call: dict[str, Any], grant: Grant, pod: Pod) -> Obligation:
    """The hotel has read, the guest has ended it, and the hotel owes destruction."""
    assert hotel.read(call).status_code == 200
    grants.end(grant, GrantRow.EndKind.WITHDRAWN, "owner", Actor.owner(pod.owner))
    return Obligation.objects.get(grant=grant)


def foreign_and_unknown(other: Brand, grant: Grant, owed: Obligation) -> dict[str, tuple[Any, Any]]:
    """What another brand is told of the hotel's things, and of things that do not exist."""
    read = {"category": "stay", "purpose": cast.PURPOSE}
    nobody, path = str(uuid4()), "/api/v1/grants/"
    record = {"record": {"hotel": "Maru"}}
    return {
        "request": (other.poll(grant.request_id), other.poll(uuid4())),
        "grant as request": (other.poll(grant.pk), other.poll(uuid4())),
        "grant": (other.send("GET", path + str(grant.pk)), other.send("GET", path + nobody)),
        "ending a grant": (
            other.send("DELETE", path + str(grant.pk)), other.send("DELETE", path + nobody),
        ),
        "read": (
            other.read(read | {"subject": grant.pairwise}), other.read(read | {"subject": nobody}),
        ),
        "contribution": (
            other.contribute(read | record | {"subject": grant.pairwise}),
            other.contribute(read | record | {"subject": nobody}),
        ),
        "attestation": (other.attest(owed.pk), other.attest(uuid4())),
        "attestation of a grant": (other.attest(grant.pk), other.attest(uuid4())),
    }  # fmt: skip


@pytest.mark.rule("404 has one body", "consent.md 6.5")
@pytest.mark.rule("BOLA: every endpoint × every foreign id", "assurance.md, case 15")
def test_what_is_others_does_not_exist(other: Brand, grant: Grant, owed: Obligation) -> None:
    bodies, headers = set(), set()
    for name, answers in foreign_and_unknown(other, grant, owed).items():
        for answer in answers:
            assert answer.status_code == 404, name
            assert code(answer) == "not-found"
            bodies.add(answer.content)
            headers.add(tuple(sorted(set(answer.headers) - {"Allow", "Vary"})))
    assert len(bodies) == len(headers) == 1
    assert other.send("GET", "/api/v1/obligations").json() == {"obligations": []}
    assert not owed.attestations.exists()


def test_a_pairwise_id_of_others_asks_nobody(
    other: Brand, hotel: Brand, grant: Grant, pod: Pod
) -> None:
    """The answer to a request never tells whether its subject exists (3.5)."""
    body = cast.make_body()
    stolen, invented = (
        other.ask(body | {"subject": {"pairwise": name}}).json()
        for name in (grant.pairwise, uuid4().hex)
    )
    moments = ("id", "expires_at")
    assert {k: v for k, v in stolen.items() if k not in moments} == {
        k: v for k, v in invented.items() if k not in moments
    }
    assert not pod.requests.exclude(partner=hotel.made.client.partner).exists()


@pytest.mark.rule("404 has one timing class", "consent.md 6.5")
def test_others_and_nobody_take_the_same_time(other: Brand, hotel: Brand, grant: Grant) -> None:
    """Roughly: the medians of two interleaved samples differ by less than their own spread."""
    read = {"category": "stay", "purpose": cast.PURPOSE}
    pairs = {
        "read": [lambda name=name: other.read(read | {"subject": name}) for name in
                 (grant.pairwise, uuid4().hex)],
        "request": [lambda one=one: other.poll(one) for one in (grant.request_id, uuid4())],
    }  # fmt: skip
    for name, calls in pairs.items():
        spent: list[list[float]] = [[], []]
        for turn in range(160):
            which = turn % 2
            started = time.perf_counter()
            assert calls[which]().status_code == 404
            spent[which].append(time.perf_counter() - started)
        foreign, unknown = (statistics.quantiles(one, n=4) for one in spent)
        spread = max(foreign[2] - foreign[0], unknown[2] - unknown[0])
        assert abs(foreign[1] - unknown[1]) < max(spread, 0.1 * unknown[1]), name
