"""Refused knocks on record: who is named, as what, and how little a stranger adds to the log."""

from collections.abc import Iterator

import pytest

from consent import knocks
from consent.models import Client
from tests.leaves import leaves, only

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    knocks.forget()
    yield
    knocks.forget()


def named() -> tuple[dict[str, str], dict[str, str]]:
    """Return who acted, and whom it is about."""
    leaf = only("call.refused")
    assert (leaf["kind"], leaf["reason"], leaf["outcome"]) == ("reads", "expired", "refused")
    return tuple(  # type: ignore[return-value]
        {name: place[name] for name in ("partner", "client") if name in place}
        for place in (leaf["actor"], leaf)
    )


def test_who_showed_to_be_a_client_acted(hotel: Client) -> None:
    knocks.refuse("reads", "expired", by=hotel)
    assert named() == ({"partner": hotel.partner.ref, "client": hotel.ref}, {})


def test_whose_name_was_only_used_did_not_act(hotel: Client) -> None:
    knocks.refuse("reads", "expired", about=hotel)
    assert named() == ({}, {"partner": hotel.partner.ref, "client": hotel.ref})


def test_a_stranger_is_nobody_and_many_of_them_are_one_entry(db: None) -> None:
    for _ in range(50):
        knocks.refuse("reads", "expired")
    assert named() == ({}, {})


def test_one_client_is_never_counted_as_another(hotel: Client) -> None:
    knocks.refuse("reads", "expired", by=hotel)
    knocks.refuse("reads", "expired", about=hotel)
    knocks.refuse("reads", "expired")
    knocks.refuse("reads", "replayed", by=hotel)
    knocks.refuse("batch", "expired", by=hotel)
    knocks.refuse("reads", "expired", by=hotel)
    assert len(leaves("call.refused")) == 5
