"""The invented customers answer by themselves, so that a brand's engineer needs nobody at a page."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

from examples.brand.refusals import Answer, Caller
from sandbox import answering, brands, people, states, table
from tests import cast
from tests.sandbox.conftest import Practice

PURPOSE = "dpv:ServicePersonalisation"
WHY = {"ko": "방을 준비해요.", "en": "To prepare the room."}


def call(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """One call as the table writes it down."""
    return {
        "method": method, "path": path, "body": body, "form": None, "raw": None, "repeat": 0,
        "headers": {"Idempotency-Key": uuid4().hex}, "shows": "own", "proof": "good",
        "assertion": "good", "within": 0,
    }  # fmt: skip


def request(name: str) -> dict[str, Any]:
    return {
        "subject": {"mail": f"{name}@sandbox.example"}, "purpose": PURPOSE,
        "items": [
            {"category": "stay", "fields": ["hotel", "room"], "why": WHY, "required": True},
            {"category": "itinerary", "why": WHY, "required": False},
        ],
        "access_mode": "may_store", "retention_days": 30,
        "expires": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        "benefit": {"ko": "늦은 퇴실", "en": "Late check-out"},
    }  # fmt: skip


def until(look: Callable[[], Answer], good: Callable[[Answer], bool]) -> Answer:
    end = time.monotonic() + 60
    while not good(answer := look()):
        assert time.monotonic() < end, answer
        time.sleep(0.2)
    return answer


def asked(brand: Caller, name: str) -> dict[str, Any]:
    """Ask by mail, and poll until she has answered."""
    made = brand.make(call("POST", "/api/v1/requests", request(name)))
    assert made.status == 201, made.body
    poll = call("GET", f"/api/v1/requests/{made.body['id']}")
    return until(lambda: brand.make(poll), lambda told: told.body["state"] != "pending").body


@pytest.mark.rule("the sandbox's customers approve by a documented behaviour", "issue 4")
def test_they_approve_all_or_in_part(practice: Practice) -> None:
    brand = practice.callers["bora"]
    everything = asked(brand, "approves")
    assert [item["category"] for item in everything["granted"]["items"]] == ["stay", "itinerary"]
    (item,) = asked(brand, "approves-in-part")["granted"]["items"]
    assert (item["category"], item["fields"]) == ("stay", ["hotel"])


def test_one_pauses_what_she_approved(practice: Practice) -> None:
    brand = practice.callers["bora"]
    told = asked(brand, "approves-then-pauses")
    read = {"subject": told["subject"], "category": "stay", "purpose": PURPOSE}
    until(lambda: brand.make(call("POST", "/api/v1/reads", read)), lambda a: a.status == 403)
    assert brand.make(call("POST", "/api/v1/reads", read)).code == "grant-paused"


@pytest.mark.django_db
@pytest.mark.parametrize("name", [person.name for person in people.ANSWERING])
def test_each_does_what_the_table_says(name: str) -> None:
    """By the clock, without waiting for it."""
    (person,) = (each for each in people.ANSWERING if each.name == name)
    pod = cast.make_pod(cast.make_owner(person.mail))
    made = cast.make_request(pod)
    answering.live(made.asked_at + timedelta(seconds=5))
    made.refresh_from_db()
    answered = {"approves", "approves-in-part", "approves-then-pauses", "approves-then-ends",
                "complains"}  # fmt: skip
    assert (made.approved_at is not None) == (name in answered)
    assert (made.refused_at is not None) == (name == "refuses")
    answering.live(made.asked_at + timedelta(seconds=61))
    made.refresh_from_db()
    assert (made.approved_at is not None) == (name in answered | {"approves-later"})
    if made.approved_at is not None:
        _afterwards(name, pod.grants.get())


def _afterwards(name: str, grant: Any) -> None:
    assert (grant.paused_at is not None) == (name == "approves-then-pauses")
    assert (grant.ended_at is not None) == (name == "approves-then-ends")
    # The complaint of the first look is over at the second one.
    assert grant.partner.suspended_at is None


@pytest.mark.django_db
def test_a_complaint_suspends_the_brand_and_only_for_a_while() -> None:
    pod = cast.make_pod(cast.make_owner(f"complains@{people.DOMAIN}"))
    made = cast.make_request(pod)
    answering.live()
    made.partner.refresh_from_db()
    assert made.partner.suspension_ground == people.GROUND
    answering.live()
    assert not type(made.partner).objects.get(pk=made.partner_id).is_live
    answering.live(made.partner.suspended_at + people.SUSPENDED_FOR)
    assert type(made.partner).objects.get(pk=made.partner_id).is_live
    assert pod.grants.get().suspended_at is None


@pytest.mark.django_db
def test_they_leave_others_and_what_is_decided_alone() -> None:
    real = cast.make_request()
    hers = cast.make_request(cast.make_pod(cast.make_owner(f"approves@{people.DOMAIN}")))
    cast.approve(hers)
    assert answering.live() == 0
    real.refresh_from_db()
    assert real.decided_at is None


def test_the_page_names_everybody() -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "sandbox.md").read_text()
    for person in people.ANSWERING:
        assert f"| `{person.mail}` | {person.does.split(';')[0].split(':')[0]}" in page
    for state in states.STATES:
        assert f"`{state.name}@`" in page
    for program in (each for brand in brands.BRANDS for each in brand.programs):
        assert f"| `{program.folder}` | {program.level} |" in page
    for code in table.NOT_ON_DEMAND:
        assert f"`{code}`" in page
