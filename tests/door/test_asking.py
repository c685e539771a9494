"""Requests through the door: what is refused, by which rule, and what is answered twice alike."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from audit.models import Entry
from consent import partners, requests
from consent.actors import Actor
from consent.exceptions import AlreadyDecided, RequestExpired
from consent.models import AccessRequest, Grant
from tests import cast
from tests.door.brand import PROBLEM, Brand, code
from tests.threads import together
from vault.models import Pod

pytestmark = pytest.mark.django_db
Body = dict[str, Any]


def at(**distance: float) -> str:
    return (timezone.now() + timedelta(**distance)).isoformat()


def items(**changes: Any) -> Body:
    return {"items": [cast.make_item() | changes]}


AGAINST_RULES: dict[str, Callable[[], Body]] = {
    "zero-items": lambda: {"items": []},
    "item-repeated": lambda: {"items": [cast.make_item(), cast.make_item()]},
    "category-unknown": lambda: items(category="guest@example.com"),
    "category-not-registered": lambda: items(category="viewing"),
    "field-unknown": lambda: items(fields=["shoe_size"]),
    "service-refused-for-optional": lambda: items(effect_if_refused="service_refused"),
    "effect-unnamed": lambda: items(effect_if_refused="feature_missing"),
    "purpose-not-registered": lambda: {"purpose": "dpv:DirectMarketing"},
    "expiry-past": lambda: {"expires": at(seconds=-1)},
    "expiry-above-ceiling": lambda: {"expires": at(days=181)},
    "expiry-above-year": lambda: {"expires": at(days=800)},
    "start-past": lambda: {"valid_from": at(hours=-1)},
    "retention-missing": lambda: {"retention_days": None},
    "retention-above-ceiling": lambda: {"retention_days": 91},
    "retention-of-look-only": lambda: {"access_mode": "look_only", "retention_days": 1},
    "range-empty": lambda: {"range": {"since": "2026-12-01", "until": "2026-01-01"}},
    "bound-to-past": lambda: {"bound_to": {"kind": "stay", "ref": "r", "ends_at": at(days=-1)}},
    "at-least-above-asked": lambda: {"at_least": {"expires": at(days=60)}},
    "session-without-person": lambda: {"subject": {"mail": "a@example.com"}, "in_session": True},
    "resident-number": lambda: {"benefit": {"ko": "900101-1234568", "en": "free"}},
    "onward-bundled": lambda: {
        "onward": [{"name": {"ko": "ㄱ", "en": "a"}, "purpose": {"ko": "ㄴ", "en": "b"}}]
    },
}


@pytest.mark.rule("consent.md", "3.6")
def test_a_request_against_a_rule_is_refused_whole_and_by_name(hotel: Brand) -> None:
    for rule, changes in AGAINST_RULES.items():
        body = cast.make_body() | changes()
        answer = hotel.ask({name: value for name, value in body.items() if value is not None})

        if rule == "onward-bundled" and code(answer) == "request-invalid":
            continue  # its form is the schema's matter
        assert (answer.status_code, code(answer)) == (422, rule)
        assert answer.json()["detail"].endswith(".")
    assert not AccessRequest.objects.exists()
    reasons = Entry.objects.filter(type="request.refused").values_list("leaf", flat=True)
    assert {orjson.loads(bytes(leaf))["reason"] for leaf in reasons} <= set(AGAINST_RULES)


WRONG: dict[str, tuple[Body, str]] = {
    "no subject": ({"subject": {}}, "/subject"),
    "two subjects": ({"subject": {"link": True, "mail": "a@example.com"}}, "/subject"),
    "a subject of another kind": ({"subject": {"phone": "010"}}, "/subject"),
    "an unknown mode": ({"access_mode": "keep"}, "/access_mode"),
    "a moment without a zone": ({"expires": "2027-01-01T00:00:00"}, "/expires"),
    "a day that does not exist": ({"expires": "2027-02-30T00:00:00Z"}, "/expires"),
    "a year beyond": ({"expires": "9999-12-31T23:59:59-23:00"}, "/expires"),
    "a moment as a number": ({"expires": 1800000000}, "/expires"),
    "no reason": (items(why={"ko": "왜"}), "/items/0/why"),
    "an empty reason": (items(why={"ko": "", "en": ""}), "/items/0/why/ko"),
    "no fields": (items(fields=[]), "/items/0/fields"),
    "the same field twice": (items(fields=["hotel", "hotel"]), "/items/0/fields"),
    "a frequency of zero": ({"frequency": {"count": 0, "unit": "day"}}, "/frequency"),
    "a long reference": ({"partner_ref": "x" * 65}, "/partner_ref"),
    "too many items": ({"items": [cast.make_item()] * 41}, "/items"),
}


def test_a_link_that_is_not_true_is_told_what_is_right(hotel: Brand) -> None:
    for link in (1, False, "true"):
        answer = hotel.ask(cast.make_body(subject={"link": link}))
        assert answer.json()["errors"] == [
            {"pointer": "/subject/link", "detail": "must be true"},
        ], link


def test_what_is_not_of_the_form_is_told_by_pointer(hotel: Brand) -> None:
    for name, (changes, pointer) in WRONG.items():
        answer = hotel.ask(cast.make_body() | changes)

        assert (answer.status_code, code(answer)) == (422, "request-invalid"), name
        told = [error["pointer"] for error in answer.json()["errors"]]
        assert any(one.startswith(pointer) for one in told), (name, told)
    assert not AccessRequest.objects.exists()
    assert not Entry.objects.filter(type="request.refused").exists()


MALFORMED = (
    "nobody", "@example.com", "a@", "a@example", "a b@example.com", "a@b@example.com", "x" * 254,
    "{}\r\n", "a\r\nBcc: {}", "\0{}", "{}\0", "\u202e{}", "{}\n",
)  # fmt: skip


@pytest.mark.rule("consent.md", "3.3")
def test_a_malformed_address_is_refused_before_anybody_is_looked_for(
    hotel: Brand, pod: Pod
) -> None:
    for mail in MALFORMED:
        # A customer's own address inside, or a stranger's, makes no difference.
        told = [
            hotel.ask(cast.make_body(subject={"mail": mail.format(known)}))
            for known in (pod.owner.email, "nobody@example.com")
        ]
        assert {(answer.status_code, code(answer)) for answer in told} == {
            (422, "request-invalid")
        }, mail
        assert {at["pointer"] for at in told[0].json()["errors"]} == {"/subject/mail"}, mail
        assert told[0].json()["errors"] == told[1].json()["errors"], mail
    assert not AccessRequest.objects.exists()


def test_a_well_formed_address_is_taken_whoever_it_is(hotel: Brand, pod: Pod) -> None:
    for mail in (pod.owner.email, "nobody@example.com", " a+b@EXAMPLE.co.kr ", "나@한국.kr"):
        answer = hotel.ask(cast.make_body(subject={"mail": mail}))
        assert (answer.status_code, answer.json()["state"]) == (201, "pending"), mail


KEYS = {"": False, "x" * 65: False, "a b": True, "é": False, "a\tb": False, "x" * 64: True}


def test_an_idempotency_key_is_asked_for(hotel: Brand) -> None:
    for key, is_good in KEYS.items():
        answer = hotel.ask(cast.make_body(), headers={"Idempotency-Key": key})
        assert answer.status_code == (201 if is_good else 422), key
    without = hotel.send("POST", "/api/v1/requests", cast.make_body())
    assert (without.status_code, code(without)) == (422, "request-invalid")
    assert "Idempotency-Key" in without.json()["errors"][0]["detail"]


@pytest.mark.rule("P8: twice is once", "consent.md 9")
def test_the_same_key_is_the_same_request_and_never_another(hotel: Brand, other: Brand) -> None:
    body = cast.make_body()
    first = hotel.ask(body, key="once")
    reordered = dict(reversed(body.items()))

    assert hotel.ask(reordered, key="once").json() == first.json()
    changed = hotel.ask(body | {"retention_days": 29}, key="once")
    assert (changed.status_code, code(changed)) == (422, "idempotency-key-reused")
    assert other.ask(body, key="once").json()["id"] != first.json()["id"]
    assert AccessRequest.objects.count() == 2
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        late = Brand(hotel.made)
        assert late.ask(body, key="once").json()["id"] == first.json()["id"]


def test_a_key_whose_call_was_refused_may_be_used_again(hotel: Brand) -> None:
    assert hotel.ask(cast.make_body(items=[]), key="k").status_code == 422
    assert hotel.ask(cast.make_body(), key="k").status_code == 201


@pytest.mark.rule("3.7: asking again is throttled, customer or not", "consent.md")
def test_asking_the_same_person_again_and_again_is_429(hotel: Brand, pod: Pod) -> None:
    for mail in (pod.owner.email, "nobody@example.com"):
        body = cast.make_body(subject={"mail": mail})
        codes = [hotel.ask(body).status_code for _ in range(4)]
        assert codes[-1] == 429
        assert 201 in codes
        last = hotel.ask(body)
        assert (last["Content-Type"], code(last)) == (PROBLEM, "request-throttled")
        assert last["Retry-After"] == "86400"


def test_a_suspended_brand_asks_nothing(hotel: Brand) -> None:
    partners.suspend(hotel.made.client.partner, "court-order", cast.OPERATOR)

    answer = hotel.ask(cast.make_body())

    assert (answer.status_code, code(answer)) == (401, "invalid-token")
    # The token that it still gets settles what it owes (test_settling.py), and asks nothing.
    new = Brand(hotel.made, token=hotel.knock().json()["access_token"])
    assert code(new.ask(cast.make_body())) == "invalid-token"
    assert not AccessRequest.objects.exists()


# What becomes of it -------------------------------------------------------------------
def pending(hotel: Brand, pod: Pod) -> AccessRequest:
    return AccessRequest.objects.get(pk=hotel.ask(cast.make_body(pod)).json()["id"])


@pytest.mark.rule("approving twice or after expiry", "issue, bad input")
def test_a_decision_is_final(hotel: Brand, pod: Pod) -> None:
    asked = pending(hotel, pod)
    cast.approve(asked)

    with pytest.raises(AlreadyDecided):
        cast.approve(asked)
    with pytest.raises(AlreadyDecided):
        requests.refuse(asked, actor=Actor.owner(pod.owner))
    told = hotel.poll(asked.pk).json()
    assert (told["state"], Grant.objects.count()) == ("approved", 1)
    assert {"asked", "granted", "subject", "grant"} <= told.keys()


def test_after_its_time_it_is_closed_and_cannot_be_approved(hotel: Brand, pod: Pod) -> None:
    asked = pending(hotel, pod)
    with time_machine.travel(asked.expires_at + timedelta(seconds=1), tick=False):
        with pytest.raises(RequestExpired):
            cast.approve(asked)
        assert Brand(hotel.made).poll(asked.pk).json()["state"] == "closed"
    assert not Grant.objects.exists()


@pytest.mark.rule("3.5: unknown, ignored and refused are the same answer", "consent.md")
def test_a_refusal_looks_like_silence(hotel: Brand, pod: Pod) -> None:
    refused, ignored = (pending(hotel, cast.make_pod()) for _ in range(2))
    stranger = hotel.ask(cast.make_body(subject={"mail": "nobody@example.com"})).json()["id"]
    requests.refuse(refused, actor=Actor.owner(refused.pod.owner))  # type: ignore[union-attr]

    def told(brand: Brand) -> list[Body]:
        answers = [brand.poll(one).json() for one in (refused.pk, ignored.pk, stranger)]
        own = ("id", "expires_at", "asked")
        return [{k: v for k, v in body.items() if k not in own} for body in answers]

    before = told(hotel)
    assert before[0] == before[1] == before[2]
    assert before[0]["state"] == "pending"
    with time_machine.travel(timezone.now() + timedelta(days=15), tick=False):
        after = told(Brand(hotel.made))
    assert after[0] == after[1] == after[2]
    assert after[0]["state"] == "closed"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("same key, same body, at once: one effect", "assurance.md, case 43")
def test_the_same_call_twenty_times_at_once_is_one_request(hotel: Brand) -> None:
    body = cast.make_body()

    def ask() -> Any:
        return Brand(hotel.made, token=hotel.token).ask(body, key="once")

    answers = together(*[ask] * 20)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert AccessRequest.objects.count() == 1
    assert connection.vendor == "postgresql"
    assert datetime.fromisoformat(answers[0].json()["expires_at"]) > timezone.now()
