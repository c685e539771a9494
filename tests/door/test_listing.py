"""Obligations come page by page; a cursor says nothing and is good for nothing else."""

import base64
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from consent.models import Obligation
from consent.revocation import listing
from tests import cast
from tests.consent.revocation.conftest import obliged
from tests.door.brand import Brand, code

pytestmark = pytest.mark.django_db
PATH = "/api/v1/obligations"


@pytest.fixture
def owed(hotel: Brand) -> list[str]:
    """Seven obligations of the hotel, three of them due at the same moment; in their order."""
    now = timezone.now()
    for number in range(7):
        (one,) = obliged(cast.make_grant(client=hotel.made.client))
        due = now + timedelta(days=max(number - 2, 0), microseconds=7)
        Obligation.objects.filter(pk=one.pk).update(due_at=due)
    ordered = Obligation.objects.order_by("due_at", "pk").values_list("pk", flat=True)
    return [str(pk) for pk in ordered]


def page(brand: Brand, **query: Any) -> Any:
    said = "&".join(f"{name}={value}" for name, value in query.items())
    return brand.send("GET", f"{PATH}?{said}")


def ids(answer: Any) -> list[str]:
    return [one["id"] for one in answer.json()["obligations"]]


@pytest.mark.rule("cursor paging", "issue, API manners")
@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
def test_every_one_is_told_once_and_in_order(limit: int, hotel: Brand, owed: list[str]) -> None:
    answers = [page(hotel, limit=limit)]
    while "cursor" in answers[-1].json():
        answers.append(page(hotel, limit=limit, cursor=answers[-1].json()["cursor"]))
    assert [one for answer in answers for one in ids(answer)] == owed
    assert len(answers) == -(-7 // limit)
    cursors = [answer.json().get("cursor") for answer in answers]
    assert all(one != other for one, other in pairwise(cursors))


def test_without_a_word_all_of_them_fit(hotel: Brand, owed: list[str]) -> None:
    answer = hotel.send("GET", PATH)
    assert ids(answer) == owed
    assert answer.json().keys() == {"obligations"}


def test_what_is_settled_between_two_pages_makes_none_be_skipped(
    hotel: Brand, owed: list[str]
) -> None:
    first = page(hotel, limit=2).json()
    for one in owed[1:4]:
        Obligation.objects.filter(pk=one).update(attested_at=timezone.now())
    assert ids(page(hotel, limit=9, cursor=first["cursor"])) == owed[4:]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "x", "", "٣", "1e2", "9" * 400])
def test_a_limit_is_a_number_up_to_two_hundred(limit: str, hotel: Brand, owed: list[str]) -> None:
    answer = page(hotel, limit=limit)
    assert (answer.status_code, code(answer)) == (422, "request-invalid")
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/limit"]


@pytest.mark.rule("foreign ids through cursors", "issue, negative table")
def test_a_cursor_of_others_or_made_up_is_refused(
    hotel: Brand, other: Brand, owed: list[str]
) -> None:
    good = page(hotel, limit=2).json()["cursor"]
    raw = base64.urlsafe_b64decode(good + "=" * (-len(good) % 4))
    turned = base64.urlsafe_b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode().rstrip("=")
    assert ids(page(hotel, cursor=good))
    for brand, cursor in (
        (other, good), (hotel, turned), (hotel, good[:-4]), (hotel, good * 9), (hotel, ""),
        (hotel, "x"), (hotel, owed[0]), (hotel, "%00"), (hotel, "é"),
    ):  # fmt: skip
        answer = page(brand, cursor=cursor)
        assert (answer.status_code, code(answer)) == (422, "cursor-refused"), cursor
        assert cursor not in answer.content.decode() or not cursor


def test_a_cursor_names_nothing(hotel: Brand, owed: list[str]) -> None:
    answers = {page(hotel, limit=2).json()["cursor"] for _ in range(3)}
    assert len(answers) == 3  # sealed anew each time
    first = Obligation.objects.get(pk=owed[1])
    for one in answers:
        assert first.pk.bytes not in base64.urlsafe_b64decode(one + "=" * (-len(one) % 4))
        assert len(one) < listing.LONGEST
