"""The same refused call a million times: a row, two entries a minute, and the right sum."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from audit import tally
from audit.models import Detail, Entry, Tally
from tests import cast
from tests.door.brand import Brand, code
from tests.not_run import EVERYTHING

pytestmark = pytest.mark.django_db
MANY = 10_000 if EVERYTHING else 2_000


def refusals() -> list[dict[str, Any]]:
    rows = Entry.objects.filter(type="record.refused").order_by("seq")
    return [orjson.loads(bytes(leaf)) for leaf in rows.values_list("leaf", flat=True)]


def answered() -> int:
    return sum(leaf.get("repeats", 1) for leaf in refusals())


def stored() -> int:
    """Bytes in the tables that a refusal touches."""
    leaves = Entry.objects.filter(type="record.refused").values_list("leaf", flat=True)
    details = Detail.objects.filter(type="record.refused").values_list("sealed", flat=True)
    drafts = Tally.objects.values_list("draft", flat=True)
    return sum(len(bytes(blob)) for blob in (*leaves, *details)) + sum(map(len, drafts))


def close_windows() -> None:
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        tally.sweep()


@pytest.mark.rule("a million identical refused reads", "issue, bad input")
@pytest.mark.rule("I3: entries plus repeats equal the answers given", "assurance.md")
@pytest.mark.timeout(400)
def test_thousands_of_identical_refusals_take_the_room_of_two(
    hotel: Brand, call: dict[str, Any], record_property: Any, settings: Settings
) -> None:
    settings.PARTNER_RATE = MANY  # a fast machine would meet the limit of calls a second
    other = call | {"purpose": "dpv:DirectMarketing"}
    sizes = []
    with time_machine.travel(timezone.now(), tick=False):  # one minute, however slow we are
        for count in range(MANY):
            assert hotel.read(other).status_code == 403
            if count in {0, 99, MANY - 1}:
                sizes.append((len(refusals()), Tally.objects.count(), stored()))
    close_windows()

    # From the hundredth to the last nothing grew, so a million in a minute takes the
    # same room; spread over time it is one row and at most two entries for each minute.
    assert sizes[0] == sizes[1] == sizes[2] == (1, 1, sizes[0][2])
    record_property("bytes", stored())
    assert stored() < 2500
    first, rest = refusals()
    assert (rest["of"], rest["repeats"]) == (first["id"], MANY - 1)
    assert answered() == MANY
    assert not Tally.objects.exists()


def test_words_that_nobody_registered_are_one_word(hotel: Brand, call: dict[str, Any]) -> None:
    for n in range(100):
        assert code(hotel.read(call | {"category": f"made-up-{n}"})) == "not-granted"
        assert code(hotel.read(call | {"purpose": f"made-up-{n}"})) == "purpose-mismatch"
        assert code(hotel.read(call | {"subject": uuid4().hex})) == "not-found"
    close_windows()

    assert len(refusals()) == 6
    assert answered() == 300


def test_a_different_refusal_is_an_entry_of_its_own_at_once(
    hotel: Brand, call: dict[str, Any]
) -> None:
    for changes in ({"purpose": "dpv:DirectMarketing"}, {"category": "itinerary"},
                    {"category": "viewing"}):  # fmt: skip
        before = len(refusals())
        assert hotel.read(call | changes).status_code == 403, changes
        assert len(refusals()) == before + 1, changes


def test_refusals_of_two_clients_are_never_one(hotel: Brand, call: dict[str, Any]) -> None:
    second = Brand(cast.make_client_with_key(hotel.made.client.partner))
    for brand in (hotel, second, hotel, second):
        assert brand.read(call | {"category": "viewing"}).status_code == 403

    clients = [leaf["actor"]["client"] for leaf in refusals()]
    assert clients == [hotel.made.client.ref, second.made.client.ref]


def test_asking_against_a_rule_a_hundred_times_is_counted_too(hotel: Brand) -> None:
    for n in range(100):
        body = cast.make_body(items=[cast.make_item(f"guest{n}@example.com")])
        assert code(hotel.ask(body)) == "category-unknown"
    assert Entry.objects.filter(type="request.refused").count() == 1
    assert Tally.objects.get().repeats == 99
