"""Many customers in one call: each decided, entered and refused by itself."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from audit.models import Entry
from consent import grants, partners
from consent.access import batch, guard_many
from consent.actors import Actor
from consent.exceptions import (
    BudgetSpent,
    ConsentError,
    GrantEnded,
    NotGranted,
    PartnerSuspended,
    RepeatRefused,
    RequestInvalid,
    TokenRefused,
    TryAgain,
    UnknownThing,
)
from consent.models import Client, Grant, GrantUse
from tests import cast
from tests.consent.access.conftest import STAY
from tests.leaves import leaves
from vault import pods

pytestmark = pytest.mark.django_db
Read = Callable[..., list[Any]]


@pytest.fixture
def guests(hotel: Client) -> list[Grant]:
    """Three guests who each let the hotel read one stay."""
    given = [cast.make_grant(cast.make_pod(), hotel) for _ in range(3)]
    for number, grant in enumerate(given):
        pods.put(grant.pod, "stay", STAY | {"room": str(number)})
    return given


@pytest.fixture
def read_all(token: bytes) -> Read:
    """Read the stays of these guests; keywords change the call."""

    def call(given: list[Grant], *more: str, **changes: Any) -> list[Any]:
        subjects = [*(grant.pairwise for grant in given), *more]
        body = {"subjects": subjects, "category": "stay", "purpose": cast.PURPOSE}
        return batch.read(token, batch.parse(body | changes))

    return call


def rooms(results: list[Any]) -> list[Any]:
    """The rooms that were answered, or the code of what is wrong."""
    return [
        each.code
        if isinstance(each, ConsentError)
        else [record["data"]["room"] for record in orjson.loads(orjson.dumps(each))["records"]]
        for each in results
    ]


@pytest.mark.rule("consent.md", "6.7")
def test_each_customer_is_answered_and_each_answer_is_an_entry(
    read_all: Read, guests: list[Grant]
) -> None:
    results = read_all(guests)

    assert rooms(results) == [["0"], ["1"], ["2"]]
    told = leaves("record.read")
    assert {leaf["grant"]: leaf["id"] for leaf in told} == {
        grant.ref: result["event"] for grant, result in zip(guests, results, strict=True)
    }
    assert [result["grant"]["id"] for result in results] == [str(grant.pk) for grant in guests]


def test_the_refusal_of_one_touches_no_other(
    read_all: Read, guests: list[Grant], hotel: Client
) -> None:
    ended = guests[1]
    grants.end(ended, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(ended.pod.owner))
    other = cast.make_client()
    cast.make_template(other.partner)
    theirs = cast.make_grant(cast.make_pod(), other)

    results = read_all(guests, theirs.pairwise, "nobody")

    assert rooms(results) == [["0"], "grant-ended", ["2"], "not-found", "not-found"]
    assert isinstance(results[1], GrantEnded)
    assert results[1].ended_at is not None
    assert type(results[3]) is type(results[4]) is UnknownThing
    assert len(leaves("record.read")) == 2
    reasons = sorted(leaf["reason"] for leaf in leaves("record.refused"))
    assert reasons == ["grant-ended", "not-found"]


@pytest.mark.rule("log.md", "Refusals in floods")
def test_strangers_in_one_call_are_one_entry_and_all_counted(read_all: Read) -> None:
    from audit.models import Tally

    results = read_all([], *(f"nobody{number}" for number in range(20)))

    assert all(isinstance(each, UnknownThing) for each in results)
    assert len(leaves("record.refused")) == 1
    assert Tally.objects.get().repeats == 19


def test_only_granted_fields_are_answered(read_all: Read, hotel: Client) -> None:
    some = [cast.make_item("stay", fields=["room"])]
    given = cast.make_grant(cast.make_pod(), hotel, items=some)
    pods.put(given.pod, "stay", STAY)

    (whole,) = read_all([given])
    (refused,) = read_all([given], fields=["hotel"])

    assert orjson.loads(orjson.dumps(whole))["records"][0]["data"] == {"room": "1204"}
    assert isinstance(refused, NotGranted)


@pytest.mark.rule("consent.md", "P2")
@pytest.mark.parametrize("unit", ["day", "total", "record"])
def test_each_budget_is_counted_by_itself(
    read_all: Read, guests: list[Grant], hotel: Client, unit: str
) -> None:
    frequency = {"count": 1, "unit": unit}
    scarce = cast.make_grant(cast.make_pod(), hotel, frequency=frequency)
    pods.put(scarce.pod, "stay", STAY)

    first, second = read_all([*guests, scarce]), read_all([scarce, *guests])

    assert rooms(first) == [["0"], ["1"], ["2"], ["1204"]]
    assert rooms(second) == ["budget-spent", ["0"], ["1"], ["2"]]
    assert isinstance(second[0], BudgetSpent)
    assert set(GrantUse.objects.values_list("used", flat=True)) == {1}
    assert len(leaves("record.read")) == 7


@pytest.mark.rule("consent.md", "6.4")
def test_the_same_call_again_with_its_key_is_not_counted(
    read_all: Read, guests: list[Grant], hotel: Client
) -> None:
    frequency = {"count": 1, "unit": "total"}
    scarce = [cast.make_grant(cast.make_pod(), hotel, frequency=frequency) for _ in range(2)]
    for grant in scarce:
        pods.put(grant.pod, "stay", STAY)

    answers = [rooms(read_all(scarce, idempotency_key="k")) for _ in range(4)]

    assert answers == [[["1204"], ["1204"]]] * 4
    assert {use.used for use in GrantUse.objects.all()} == {1}
    assert all(isinstance(r, RepeatRefused) for r in read_all(scarce, idempotency_key="k"))
    assert rooms(read_all(scarce, idempotency_key="other")) == ["budget-spent"] * 2


def test_what_is_about_the_caller_is_the_whole_answer(
    read_all: Read, guests: list[Grant], hotel: Client
) -> None:
    call = {"subjects": [guests[0].pairwise], "category": "stay", "purpose": cast.PURPOSE}
    with pytest.raises(TokenRefused):
        batch.read(b"\0" * 32, batch.parse(call))
    partners.suspend(hotel.partner, "court-order", cast.OPERATOR)

    with pytest.raises(PartnerSuspended):
        read_all(guests)
    assert not Entry.objects.filter(type="record.read").exists()


@pytest.mark.rule("consent.md", "6.3")
def test_what_changed_after_the_decision_is_decided_again(
    read_all: Read, guests: list[Grant], monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = guard_many.confirm

    def after_an_end(orders: Any, room: int) -> Any:
        monkeypatch.setattr(guard_many, "confirm", confirm)
        owner = Actor.owner(guests[2].pod.owner)
        grants.end(guests[2], Grant.EndKind.WITHDRAWN, "owner", owner)
        return confirm(orders, room)

    monkeypatch.setattr(guard_many, "confirm", after_an_end)

    assert rooms(read_all(guests)) == [["0"], ["1"], "grant-ended"]
    assert len(leaves("record.read")) == 2


def test_what_keeps_changing_is_to_be_asked_again(
    read_all: Read, guests: list[Grant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_many, "confirm", lambda orders, _room: [None for _ in orders])

    assert all(isinstance(each, TryAgain) for each in read_all(guests))
    assert not leaves("record.read")


@pytest.mark.postgres
def test_who_does_not_fit_into_the_answer_is_not_counted_and_comes_in_the_next(
    read_all: Read, guests: list[Grant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_many, "MOST_BYTES", 300)

    results = read_all(guests)

    assert rooms(results) == [["0"], ["1"], "try-again"]
    assert len(leaves("record.read")) == 2
    assert rooms(read_all(guests[2:])) == [["2"]]


def test_a_record_that_does_not_open_fails_alone(read_all: Read, guests: list[Grant]) -> None:
    guests[0].pod.records.update(version=2)

    assert rooms(read_all(guests)) == ["record-unreadable", ["1"], ["2"]]
    (failed,) = leaves("record.failed")
    assert failed["grant"] == guests[0].ref


@pytest.mark.parametrize(
    "subjects", [None, [], "x", ["a", "a"], [1], ["a" * 65], [f"{n}" for n in range(501)]]
)
def test_subjects_are_a_list_of_different_names(subjects: Any) -> None:
    with pytest.raises(RequestInvalid) as error:
        batch.parse({"subjects": subjects, "category": "stay", "purpose": "p"})
    assert [at for at, _ in error.value.problems] == ["/subjects"]


def test_everything_else_is_as_in_one_read() -> None:
    body = {"subjects": ["a"], "category": "stay", "purpose": "p"}
    for wrong in ({"subject": "a"}, {"limit": 1}, {"fields": []}, {"category": ""}):
        with pytest.raises(RequestInvalid):
            batch.parse(body | wrong)
    with pytest.raises(RequestInvalid):
        batch.parse([])
