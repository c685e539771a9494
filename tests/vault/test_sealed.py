"""A sealed value opens in its own place and in no other, even under the same key."""

import secrets
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from keys.exceptions import Tampered
from keys.rows import OpenCategoryKey
from vault import sealed

KEY = OpenCategoryKey(uuid4(), 1, secrets.token_bytes(32))
PLACE = sealed.Place(uuid4(), "meal", uuid4(), 1)


def test_a_value_opens_in_its_place() -> None:
    assert sealed.open_bytes(KEY.key, PLACE, sealed.close(KEY, PLACE, b"{}")) == b"{}"


@pytest.mark.rule("architecture.md", "Sealed blob")
@pytest.mark.parametrize(
    "elsewhere",
    [{"pod": uuid4()}, {"category": "stay"}, {"record": uuid4()}, {"version": 2}],
    ids=lambda change: next(iter(change)),
)
def test_a_value_opens_nowhere_else(elsewhere: dict[str, Any]) -> None:
    blob = sealed.close(KEY, PLACE, b"{}")
    with pytest.raises(Tampered):
        sealed.open_bytes(KEY.key, replace(PLACE, **elsewhere), blob)


def test_the_context_is_the_documented_one() -> None:
    assert PLACE.context == [
        b"record",
        PLACE.pod.bytes,
        b"meal",
        PLACE.record.bytes,
        b"\x00\x00\x00\x01",
    ]
