"""What a caller sends is never sent back, and never written where people read."""

import json
import logging
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from consent import grants
from consent.actors import Actor
from consent.models import Grant, Obligation
from keys import keyring
from tests import cast
from tests.door import brand as brands
from tests.door.brand import STAY, Brand, code
from vault import pods
from vault.models import Pod

pytestmark = pytest.mark.django_db
CANARY = "canary-3e8f1c"
Answers = list[Any]


def everywhere(value: Any) -> list[Any]:
    """`value` once for each of its texts, with the canary in that text's place, or as a name."""
    found: list[Any] = []
    if isinstance(value, dict):
        found += [value | {name: one} for name, part in value.items() for one in everywhere(part)]
        found += [value | {CANARY: 1}]
    elif isinstance(value, list):
        found += [
            [*value[:at], one, *value[at + 1 :]]
            for at, part in enumerate(value)
            for one in everywhere(part)
        ]
    elif isinstance(value, str):
        found += [CANARY, CANARY * 300, f"{value}{CANARY}", {CANARY: CANARY}, [CANARY]]
    return found


def bodies(brand: Brand, call: dict[str, Any]) -> Answers:
    read = call | {"fields": ["hotel"], "idempotency_key": "k"}
    asked = cast.make_body(
        subject={"mail": "guest@example.com"}, partner_ref="r", range={"since": "2026-01-01"},
        frequency={"count": 1, "unit": "day"},
    )  # fmt: skip
    given = call | {"record": STAY}
    # What is taken says back what was asked for: by design (3.8), and to the one who asked.
    polled = {"ack": ["a"], "setErrs": {"b": {"err": "c", "description": "d"}}}
    return (
        [brand.read(body) for body in everywhere(read)]
        + [brand.send("POST", "/api/v1/events/poll", body) for body in everywhere(polled)]
        + [lines(brand, body) for body in everywhere(given | {"id": "1"})]
        + [each for body in everywhere(asked) if (each := brand.ask(body)).status_code >= 400]
        + [
            each
            for body in everywhere(given)
            if (each := brand.contribute(body)).status_code >= 400
        ]
    )


def lines(brand: Brand, body: Any) -> Any:
    return brand.send(
        "POST", "/api/v1/contributions/bulk", json.dumps(body).encode() + b"\n",
        content_type="application/x-ndjson", headers={"Idempotency-Key": uuid4().hex},
    )  # fmt: skip


def raw_bytes(brand: Brand) -> Answers:
    tails = (f'"{CANARY}', f'{{"{CANARY}":', f"{{{CANARY}}}", f'{{"a":"{CANARY}\n"}}', CANARY,
             f'{{"{CANARY}":1,"{CANARY}":2}}', f'{{"a":"{CANARY}\\ud800"}}')  # fmt: skip
    return [
        brand.send("POST", f"/api/v1/{route}", tail.encode(), headers={"Idempotency-Key": "k"})
        for route in ("reads", "requests", "contributions", "events/poll")
        for tail in tails
    ]


def paths(brand: Brand) -> Answers:
    return [
        brand.send(method, path.format(CANARY), {})
        for path in ("/api/v1/{}", "/api/v1/requests/{}", "/api/v1/grants/{}", "/api/v1/obligations/{}/attestation",
                     "/oauth/{}", "/.well-known/{}", "/{}", "/api/v1/reads?{0}={0}")
        for method in ("GET", "POST", "DELETE")
    ]  # fmt: skip


def headers(brand: Brand, call: dict[str, Any]) -> Answers:
    names = ("Authorization", "Accept", "Accept-Language", "Cookie", "Host", "User-Agent", "Referer",
             "Origin", "X-Forwarded-For", "X-Request-Id", "Content-Encoding", "Idempotency-Key",
             "Traceparent", "Forwarded")  # fmt: skip
    refused = call | {"category": "nothing"}
    answers = [
        send(refused, headers={name: value})
        for name in names
        for value in (CANARY, f"Bearer {CANARY}", f"{CANARY}\r\nX-Evil: 1")
        for send in (brand.read, brand.ask, brand.contribute)
    ]
    types = (CANARY, f"application/json; charset={CANARY}", f"text/{CANARY}")
    return answers + [brand.ask({}, content_type=media_type) for media_type in types]


def knocks(brand: Brand) -> Answers:
    claims = ("iss", "sub", "aud", "jti", "exp", "iat")
    members = ("grant_type", "client_assertion_type", "client_assertion", "client_id", "scope",
               "token", "state", "client_secret", CANARY)  # fmt: skip
    return (
        [brand.knock(claims={name: CANARY * 20}) for name in claims]
        + [brand.knock(**{name: CANARY}) for name in members]
        + [brand.knock("/oauth/revoke", token=CANARY)]
    )


def attestations(brand: Brand, owed: Obligation) -> Answers:
    outcome = {"category": "stay", "outcome": "deleted", "method": "m"}
    answers = [
        brand.attest(owed.pk, **{name: CANARY})
        for name in ("iss", "aud", "iat", "jti", "obligation", "outcomes")
    ]
    answers += [
        each
        for one in everywhere(outcome)
        if (each := brand.attest(owed.pk, outcomes=[one])).status_code >= 400
    ]
    answers += [
        brand.send("POST", f"/api/v1/obligations/{owed.pk}/attestation", text.encode(),
                   content_type="application/jwt")
        for text in (CANARY, f"{CANARY}.{CANARY}.{CANARY}", "é" + CANARY)
    ]  # fmt: skip
    return answers


@pytest.fixture
def owes(pod: Pod) -> tuple[Brand, Obligation]:
    """A brand that has read, whose grant has ended, and what it owes now."""
    brand = brands.arrive()
    given = cast.make_grant(pod, brand.made.client)
    read = {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    assert brand.read(read).json()["records"]
    grants.end(given, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(pod.owner))
    return brand, Obligation.objects.get(grant=given)


@pytest.mark.rule("nothing that a caller sent is repeated", "architecture.md, errors")
def test_a_canary_in_any_place_comes_back_from_none(
    hotel: Brand, call: dict[str, Any], owes: tuple[Brand, Obligation], operators_log: StringIO
) -> None:
    answers = (
        bodies(hotel, call) + raw_bytes(hotel) + paths(hotel) + headers(hotel, call)
        + knocks(hotel) + attestations(*owes)
    )  # fmt: skip

    assert len(answers) > 300
    for answer in answers:
        assert CANARY not in answer.content.decode(), answer.request
        assert CANARY not in str(answer.headers.items())
        assert answer.status_code < 500 or code(answer) != "internal", answer.request
    assert "X-Evil" not in operators_log.getvalue()
    assert CANARY not in operators_log.getvalue()


@pytest.mark.rule("assurance.md", "I5")
def test_no_secret_is_in_any_log_line_at_any_level(
    hotel: Brand, call: dict[str, Any], pod: Pod, operators_log: StringIO
) -> None:
    pods.put(pod, "stay", STAY | {"hotel": CANARY})
    token = hotel.knock().json()["access_token"]
    assertion = hotel.assertion()
    hotel.knock(client_assertion=assertion)
    answered = Brand(hotel.made, token=token).read(call)
    assert CANARY in answered.content.decode()
    hotel.contribute(call | {"record": STAY | {"hotel": CANARY}})
    hotel.ask(cast.make_body(pod))
    logging.getLogger("django.db.backends").debug("anything %s", "else")

    written = operators_log.getvalue()
    private = hotel.made.key.as_dict(private=True)["d"]
    secrets = (token, assertion, CANARY, pod.owner.email, private, call["subject"],
               keyring.keyring().secret("x").hex(), str(pod.pk))  # fmt: skip
    for secret in secrets:
        assert str(secret) not in written


def test_a_value_that_breaks_in_our_hands_is_not_in_the_log(
    hotel: Brand, call: dict[str, Any], operators_log: StringIO, monkeypatch: Any
) -> None:
    """A mistake of ours whose message quotes the value: 500, and the place without the words."""

    def broken(*_: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr("consent.access.answers.build", lambda *_a, **_k: broken())
    answer = hotel.read(call)

    assert (answer.status_code, code(answer)) == (500, "internal")
    assert CANARY not in answer.content.decode() + operators_log.getvalue()
    assert "ValueError" in operators_log.getvalue()


def test_one_call_is_at_most_one_line_whatever_it_holds(
    hotel: Brand, operators_log: StringIO
) -> None:
    for name in ("%0a%7B%22event%22:1%7D", "%1b[31m", "a" * 20_000):
        hotel.send("GET", f"/api/v1/{name}")
    hotel.read(b"{", headers={"User-Agent": "x" * 1_000_000})

    lines = operators_log.getvalue().splitlines()
    assert all(isinstance(json.loads(line), dict) and len(line) < 1000 for line in lines)
    assert len(lines) <= 8


@pytest.mark.rule("what a caller makes up stands sealed, or nowhere", "log.md")
def test_what_a_caller_made_up_is_in_no_table_in_clear(
    hotel: Brand, call: dict[str, Any], pod: Pod
) -> None:
    for body in everywhere(call):
        hotel.read(body)
        hotel.contribute(body | {"record": STAY})
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                assert CANARY not in " ".join(map(text, row)), table


def text(value: Any) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
