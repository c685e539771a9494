"""Whatever bytes come as a body: a clear error, in little time, and nothing is lost or kept."""

import json
import time
from typing import Any

import pytest

from audit.models import Entry
from consent.models import AccessRequest, Contribution
from tests import cast
from tests.door.brand import STAY, Brand, code
from vault.models import Record

pytestmark = pytest.mark.django_db
ROUTES = ("/api/v1/reads", "/api/v1/requests", "/api/v1/contributions")
HUGE = 1024 * 1024 + 100

MALFORMED: dict[str, tuple[bytes, str]] = {
    "only a space": (b" ", "no value"),
    "cut off": (b'{"subject": "a', "string that does not end"),
    "no comma": (b'{"a":1 "b":2}', "no comma"),
    "single quotes": (b"{'a':1}", "no name in quotes"),
    "trailing comma": (b'{"a":1,}', ""),
    "two documents": (b"{}{}", "goes on after its end"),
    "NUL": (b"\0", ""),
    "Latin-1": ('{"subject":"é"}'.encode("latin-1"), "not UTF-8"),
    "UTF-16": ('{"a":1}'.encode("utf-16"), "byte order mark"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "byte order mark"),
    "overlong UTF-8": (b'{"a":"\xc0\xaf"}', "not UTF-8"),
    "the same name twice": (b'{"subject":"a","subject":"b"}', "same name twice"),
    "twice, spelled differently": (b'{"subject":"a","\\u0073ubject":"b"}', "same name twice"),
    "NaN": (b'{"subject":NaN}', "number that JSON does not know"),
    "Infinity": (b'{"subject":-Infinity}', "number that JSON does not know"),
    "1e999": (b'{"subject":1e999}', "number that is too large"),
    "a number with 30,000 digits": (b'{"subject":' + b"9" * 30_000 + b"}", "too large"),
    "half a character": (b'{"subject":"\\ud800"}', "half of a character"),
    "a control character": (b'{"subject":"a\nb"}', "control character"),
    "30,000 levels": (b"[" * 30_000, "nested deeper"),
    "6,000 objects in each other": (b'{"a":' * 6_000 + b"1" + b"}" * 6_000, "nested deeper"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "not UTF-8"),
    "CBOR": (b"\xa1aa\x01", "not UTF-8"),
    "a form": (b"subject=a&category=b", "no value"),
    "XML with entities": (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "no value"),
}
NO_OBJECT = {"null": b"null", "a list": b"[]", "a number": b"7", "a text": b'"x"', "true": b"true"}


@pytest.fixture
def _nothing_kept(grant: object) -> Any:
    """Bad bodies leave no row behind, but for the entry that a call was refused."""
    tables = (Entry.objects.exclude(type="call.refused"), AccessRequest.objects,
              Contribution.objects, Record.objects)  # fmt: skip
    before = [table.count() for table in tables]
    yield
    assert [table.count() for table in tables] == before
    refused = Entry.objects.filter(type="call.refused").values_list("leaf", flat=True)
    assert {json.loads(bytes(leaf))["reason"] for leaf in refused} <= {"request-invalid"}


@pytest.mark.rule("broken, deep, duplicate-key, NaN, wrong-encoding JSON", "issue, bad input")
@pytest.mark.usefixtures("_nothing_kept")
@pytest.mark.parametrize("route", ROUTES)
def test_what_is_no_json_is_400_and_says_why(route: str, hotel: Brand) -> None:
    for name, (body, why) in MALFORMED.items():
        answer = hotel.send("POST", route, body, headers={"Idempotency-Key": "k"})

        assert (answer.status_code, code(answer)) == (400, "malformed-json"), name
        assert why in answer.json()["detail"], name


@pytest.mark.usefixtures("_nothing_kept")
@pytest.mark.parametrize("route", ROUTES)
def test_json_that_is_no_object_is_422(route: str, hotel: Brand) -> None:
    for name, body in NO_OBJECT.items():
        answer = hotel.send("POST", route, body, headers={"Idempotency-Key": "k"})

        assert (answer.status_code, code(answer)) == (422, "request-invalid"), name
        assert answer.json()["errors"][0]["pointer"] == "", name


@pytest.mark.usefixtures("_nothing_kept")
def test_no_body_at_all_is_an_error_too(hotel: Brand) -> None:
    answers = [hotel.send("POST", route, headers={"Idempotency-Key": "k"}) for route in ROUTES]

    assert [code(answer) for answer in answers] == [
        "unsupported-media-type", "request-invalid", "request-invalid",
    ]  # fmt: skip


@pytest.mark.rule("huge (> limits)", "issue, bad input")
@pytest.mark.usefixtures("_nothing_kept")
@pytest.mark.parametrize("route", ROUTES)
def test_a_body_above_the_limit_is_413(route: str, hotel: Brand) -> None:
    for size in (HUGE, 3 * HUGE):
        body = b'{"subject":"' + b"x" * size + b'"}'
        answer = hotel.send("POST", route, body, headers={"Idempotency-Key": "k"})

        assert (answer.status_code, code(answer)) == (413, "too-large")
        assert answer.json()["detail"].startswith("is larger than ")


def hostile(members: int) -> dict[str, bytes]:
    """Bodies within the limits that are made to cost time."""
    return {
        "many members": json.dumps({f"k{n}": n for n in range(members)}).encode(),
        "many items": json.dumps({"items": [{}] * members}).encode(),
        "many fields": json.dumps({"fields": [str(n) for n in range(members)]}).encode(),
        "a long text": json.dumps(
            {"purpose": "a" * 10 * members, "subject": "\\" * members}
        ).encode(),
        "many escapes": b'{"subject":"' + b"\\u0041" * members + b'"}',
        "brackets in a text": b'{"subject":"' + b"[" * 10 * members + b'"}',
        "many small lists": b"[" + b"[]," * members + b"[]]",
    }


@pytest.mark.rule("413/400 in < 50 ms CPU, no recursion crash", "assurance.md, case 35")
@pytest.mark.usefixtures("_nothing_kept")
@pytest.mark.parametrize("route", ROUTES)
def test_a_body_made_to_cost_time_costs_little(route: str, hotel: Brand) -> None:
    most = 4_000 if route == "/api/v1/reads" else 60_000
    for name, body in hostile(most).items():
        started = time.process_time()
        answer = hotel.send("POST", route, body, headers={"Idempotency-Key": "k"})
        spent = time.process_time() - started

        assert answer.status_code in {400, 413, 422}, name
        assert len(answer.content) < 10_000, name  # nobody makes us send more than they sent
        assert spent < 1, name  # a quarter of a second alone, for the largest


WRONG_TYPES = (
    "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "application/json; charset=utf-16",
    "application/json; charset=nonsense", "application/problem+json", "garbage",
)  # fmt: skip


@pytest.mark.rule("wrong content type", "issue, bad input")
@pytest.mark.usefixtures("_nothing_kept")
@pytest.mark.parametrize("route", ROUTES)
def test_another_media_type_is_415(route: str, hotel: Brand, call: dict[str, Any]) -> None:
    for media_type in WRONG_TYPES:
        answer = hotel.send(
            "POST", route, call, content_type=media_type, headers={"Idempotency-Key": "k"}
        )
        assert (answer.status_code, code(answer)) == (415, "unsupported-media-type"), media_type


def test_every_spelling_of_json_is_read(hotel: Brand, call: dict[str, Any]) -> None:
    for media_type in (
        "application/json", "Application/JSON", "application/json;charset=UTF-8",
        'application/json; charset="utf-8"', "application/json; charset=utf8",
    ):  # fmt: skip
        assert hotel.read(call, content_type=media_type).status_code == 200, media_type
        body = call | {"record": STAY}
        assert hotel.contribute(body, content_type=media_type).status_code == 201, media_type


EXTRA = ("owner", "tenant", "status", "epoch", "verified", "state", "grant", "partner", "id",
         "limit", "moment", "__proto__", "constructor", "")  # fmt: skip


@pytest.mark.rule("mass assignment: unknown members are refused", "assurance.md, case 17")
def test_a_member_that_does_not_belong_there_is_refused(hotel: Brand, call: dict[str, Any]) -> None:
    for name in EXTRA:
        answers = [
            hotel.read(call | {name: 1}),
            hotel.ask(cast.make_body() | {name: 1}),
            hotel.ask(cast.make_body(items=[cast.make_item() | {name: 1}])),
            hotel.ask(cast.make_body(subject={"link": True, name: 1})),
            hotel.contribute(call | {"record": STAY, name: 1}),
            hotel.contribute(call | {"record": STAY | {name: 1}}),
        ]
        for answer in answers:
            assert answer.status_code == 422, name
            assert code(answer) in {"request-invalid", "record-invalid"}
            said = answer.json()["errors"]
            assert not name or name not in json.dumps(said), name
