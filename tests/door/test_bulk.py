"""A stream of records at the door: its form, its limits, its answers."""

from typing import Any

import orjson
import pytest
from pytest_django import Settings

from consent import bulk_views
from consent.access import limits
from consent.contributions import bulk
from consent.models import Grant
from tests import cast
from tests.door.brand import STAY, Brand, code
from vault.models import Pod, Record

pytestmark = pytest.mark.django_db
PATH, LINES = "/api/v1/contributions/bulk", "application/x-ndjson"


def line(grant: Grant, **changes: Any) -> bytes:
    return orjson.dumps(
        {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE, "record": STAY}
        | changes
    )


def bring(brand: Brand, *found: bytes, key: str = "k", **more: Any) -> Any:
    more = {"content_type": LINES} | more
    headers = {"Idempotency-Key": key} | more.pop("headers", {})
    return brand.send("POST", PATH, b"\n".join(found), headers=headers, **more)


def test_lines_are_answered_with_lines(hotel: Brand, grant: Grant) -> None:
    answer = bring(hotel, line(grant), b"{", line(grant, record=STAY | {"room": 7}))

    assert (answer.status_code, answer["Content-Type"]) == (200, LINES)
    assert answer["Cache-Control"] == "no-store"
    results = [orjson.loads(one) for one in answer.content.splitlines()]
    assert [one["index"] for one in results] == [0, 1, 2]
    assert [one.get("error") for one in results] == [None, "malformed-json", "record-invalid"]
    assert results[2]["errors"][0]["pointer"] == "/record/room"


def test_who_asks_for_json_gets_a_list(hotel: Brand, grant: Grant) -> None:
    answer = bring(hotel, line(grant), headers={"Accept": "application/json"})

    assert answer["Content-Type"] == "application/json"
    assert [one["index"] for one in answer.json()["results"]] == [0]


def test_the_same_request_again_is_the_same_answer(hotel: Brand, grant: Grant) -> None:
    before = Record.objects.count()
    assert bring(hotel, line(grant)).content == bring(hotel, line(grant)).content
    assert Record.objects.count() == before + 1


def test_another_form_than_lines_is_refused(hotel: Brand, grant: Grant) -> None:
    answer = bring(hotel, line(grant), content_type="application/json")
    assert (answer.status_code, code(answer)) == (415, "unsupported-media-type")
    answer = bring(hotel, line(grant), headers={"Accept": "text/html"})
    assert (answer.status_code, code(answer)) == (406, "not-acceptable")


def test_a_request_needs_a_key(hotel: Brand, grant: Grant) -> None:
    answer = bring(hotel, line(grant), key="")
    assert (answer.status_code, code(answer)) == (422, "request-invalid")


def test_no_record_is_no_result(hotel: Brand, grant: Grant) -> None:
    assert (bring(hotel).status_code, bring(hotel, b"\n\n").content) == (200, b"")


def test_too_many_records_are_told_with_what_became_of_the_first(
    hotel: Brand, grant: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST", 2)

    answer = bring(hotel, *[line(grant)] * 3)

    assert (answer.status_code, code(answer)) == (413, "too-many-records")
    assert answer.json()["most"] == 2
    assert ["record" in one for one in answer.json()["results"]] == [True, True]


def test_a_record_above_its_limit_spoils_no_other(hotel: Brand, grant: Grant) -> None:
    answer = bring(hotel, line(grant, record={"hotel": "x" * 1_100_000}), line(grant))

    results = [orjson.loads(one) for one in answer.content.splitlines()]
    assert [one.get("error") for one in results] == ["malformed-json", None]


@pytest.mark.rule("consent.md", "P6")
def test_another_brand_brings_nothing_to_a_guest_of_this_one(
    other: Brand, grant: Grant, pod: Pod
) -> None:
    before = Record.objects.count()
    answer = bring(other, line(grant), line(grant, subject="nobody"))

    mine, unknown = (orjson.loads(one) for one in answer.content.splitlines())
    assert mine | {"index": 1} == unknown == {"index": 1, "error": "not-found"}
    assert Record.objects.count() == before


def test_a_quota_is_an_error_of_the_item(hotel: Brand, grant: Grant, settings: Settings) -> None:
    settings.CONTRIBUTIONS_PER_DAY = 1
    answer = bring(hotel, line(grant), line(grant))
    assert [orjson.loads(one).get("error") for one in answer.content.splitlines()] == [
        None,
        "quota-spent",
    ]


def test_each_mib_of_a_stream_counts_as_a_call(
    hotel: Brand, grant: Grant, settings: Settings
) -> None:
    settings.PARTNER_RATE = 5
    limits.forget()
    blank = b" " * (2 * bulk_views.A_CALL)
    assert bring(hotel, line(grant), blank)["RateLimit"].startswith('"partner";r=7;')
    bring(hotel, line(grant), blank, key="k2")
    bring(hotel, line(grant), blank, key="k3")
    late = bring(hotel, line(grant), blank, key="k4")
    assert (late.status_code, code(late)) == (429, "rate-limited")
    assert late["Retry-After"] == "1"
    limits.forget()
