"""Reads of many customers at the door."""

from typing import Any

import pytest

from consent.models import Grant
from tests.door.brand import Brand, code

pytestmark = pytest.mark.django_db
PATH = "/api/v1/reads/batch"


def many(call: dict[str, Any], *subjects: str) -> dict[str, Any]:
    shared = {name: value for name, value in call.items() if name != "subject"}
    return shared | {"subjects": list(subjects)}


def test_each_has_its_answer_or_what_is_wrong(hotel: Brand, call: dict[str, Any]) -> None:
    answer = hotel.send("POST", PATH, many(call, call["subject"], "nobody"))

    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    mine, unknown = answer.json()["results"]
    assert mine["subject"] == call["subject"]
    assert mine["answer"]["records"][0]["data"]["room"] == "1204"
    assert unknown == {"subject": "nobody", "error": "not-found"}


@pytest.mark.rule("consent.md", "P6")
def test_somebody_elses_guest_and_nobody_look_the_same(
    other: Brand, grant: Grant, call: dict[str, Any]
) -> None:
    theirs, nobody = other.send("POST", PATH, many(call, grant.pairwise, "nobody")).json()[
        "results"
    ]
    assert theirs | {"subject": "nobody"} == nobody


def test_a_body_that_is_none_says_where(hotel: Brand, call: dict[str, Any]) -> None:
    answer = hotel.send("POST", PATH, call)
    assert (answer.status_code, code(answer)) == (422, "request-invalid")
    assert answer.json()["errors"][0]["pointer"] == "/subjects"
    assert code(hotel.send("POST", PATH, b"{")) == "malformed-json"
    assert code(hotel.send("POST", PATH, b"{}", content_type="text/plain")) == (
        "unsupported-media-type"
    )
