"""The feed of changes at the door."""

from typing import Any

import pytest

from tests.door.brand import Brand, code

pytestmark = pytest.mark.django_db
PATH = "/api/v1/changes"


def test_a_page_comes_with_the_cursor_for_the_next(hotel: Brand, call: dict[str, Any]) -> None:
    first = hotel.send("POST", PATH, call)
    assert (first.status_code, first["Cache-Control"]) == (200, "no-store")
    body = first.json()
    assert [each["kind"] for each in body["changes"]] == ["added"]
    assert body["changes"][0]["record"]["data"]["room"] == "1204"
    assert body["grant"]["state"] == "live"

    again = hotel.send("POST", PATH, call | {"cursor": body["cursor"], "limit": 5})
    assert again.status_code == 200


def test_a_cursor_that_is_none_is_refused(hotel: Brand, call: dict[str, Any]) -> None:
    answer = hotel.send("POST", PATH, call | {"cursor": "abc"})
    assert (answer.status_code, code(answer)) == (422, "cursor-refused")


@pytest.mark.rule("consent.md", "P6")
def test_somebody_elses_guest_is_nobody(other: Brand, call: dict[str, Any]) -> None:
    theirs = other.send("POST", PATH, call)
    nobody = other.send("POST", PATH, call | {"subject": "nobody"})
    assert (theirs.status_code, code(theirs)) == (404, "not-found")
    assert theirs.content == nobody.content
