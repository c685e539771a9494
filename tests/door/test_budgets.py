"""Budgets, repeats and contributions through the door: twice, at once, and in the middle of an end."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from consent import grants, partners
from consent.actors import Actor
from consent.models import Contribution, Grant, GrantUse, Obligation
from tests import cast
from tests.door.brand import STAY, Brand, code
from tests.threads import together
from vault import pods
from vault.models import Pod, Record

pytestmark = pytest.mark.django_db


def counted(hotel: Brand, pod: Pod, count: int, unit: str) -> dict[str, Any]:
    given = cast.make_grant(pod, hotel.made.client, frequency={"count": count, "unit": unit})
    return {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE}


@pytest.mark.rule("6.5: budget 429 with the next window", "consent.md")
def test_a_spent_budget_says_when_to_come_again_and_keeps_its_word(hotel: Brand, pod: Pod) -> None:
    call = counted(hotel, pod, 2, "day")
    left = [hotel.read(call).json()["grant"]["remaining"] for _ in range(2)]
    spent = hotel.read(call)

    assert left == [1, 0]
    assert (spent.status_code, code(spent)) == (429, "budget-spent")
    window = datetime.fromisoformat(spent.json()["next_window"])
    assert spent.json()["next_window"].endswith("15:00:00.000Z")  # midnight in Seoul
    assert 0 < (window - timezone.now()).total_seconds() <= int(spent["Retry-After"]) <= 86_401

    GrantUse.objects.update(bucket="2026-01-01")  # as if these had been yesterday's
    assert hotel.read(call).json()["grant"]["remaining"] == 1


def test_a_total_that_is_spent_never_comes_back(hotel: Brand, pod: Pod) -> None:
    call = counted(hotel, pod, 1, "total")
    assert hotel.read(call).status_code == 200
    spent = hotel.read(call)

    assert (code(spent), spent.json()["next_window"]) == ("budget-spent", None)
    assert "Retry-After" not in spent


@pytest.mark.rule("consent.md", "6.4")
def test_a_repeat_gives_the_same_three_times_and_nothing_newer(hotel: Brand, pod: Pod) -> None:
    call = counted(hotel, pod, 1, "day") | {"idempotency_key": "k"}
    first = hotel.read(call).json()
    pods.put(pod, "stay", STAY | {"hotel": "Later"})
    again = [hotel.read(call) for _ in range(4)]

    assert [answer.status_code for answer in again] == [200, 200, 200, 409]
    assert {str(answer.json()["records"]) for answer in again[:3]} == {str(first["records"])}
    assert code(again[3]) == "repeat-refused"
    other = hotel.read(call | {"fields": ["hotel"]})
    assert (other.status_code, code(other)) == (409, "repeat-refused")
    fresh = hotel.read(call | {"idempotency_key": "k2"})
    assert code(fresh) == "budget-spent"


@pytest.mark.rule("6.5: own grant ended 403 with ended_at and obligation", "consent.md")
def test_what_changed_is_told_and_nothing_is_served(
    hotel: Brand, call: dict[str, Any], grant: Grant, pod: Pod
) -> None:
    owner = Actor.owner(pod.owner)
    assert hotel.read(call).json()["records"]
    grants.pause(grant, owner)
    paused = hotel.read(call)
    assert (paused.status_code, code(paused)) == (403, "grant-paused")
    assert paused.json().keys() == {"type", "title", "status"}  # no until
    grants.resume(Grant.objects.get(), owner)
    assert hotel.read(call).status_code == 200
    grants.end(Grant.objects.get(), Grant.EndKind.WITHDRAWN, "owner", owner)
    ended = hotel.read(call)

    assert (ended.status_code, code(ended)) == (403, "grant-ended")
    assert datetime.fromisoformat(ended.json()["ended_at"]) <= timezone.now()
    assert ended.json()["obligation"] == str(Obligation.objects.get().pk)
    contributed = hotel.contribute(call | {"record": STAY})
    assert (contributed.status_code, code(contributed)) == (403, "grant-ended")
    assert contributed.json()["obligation"] == ended.json()["obligation"]
    partners.suspend(hotel.made.client.partner, "court-order", cast.OPERATOR)
    assert code(hotel.read(call)) in {"partner-suspended", "invalid-token"}


@pytest.mark.rule("P8: twice is once", "consent.md 9")
def test_a_contribution_twice_is_one_record(
    hotel: Brand, other: Brand, call: dict[str, Any], pod: Pod
) -> None:
    body = call | {"record": STAY | {"city": "Seoul"}}
    before = Record.objects.count()
    first = hotel.contribute(body, key="once")

    assert hotel.contribute(body, key="once").content == first.content
    assert Record.objects.count() == before + 1
    changed = hotel.contribute(body | {"record": STAY}, key="once")
    assert (changed.status_code, code(changed)) == (422, "idempotency-key-reused")
    # Ended in the meantime, a call that was answered is answered again, and nothing is added.
    grants.end(Grant.objects.get(), Grant.EndKind.WITHDRAWN, "owner", Actor.owner(pod.owner))
    assert hotel.contribute(body, key="once").content == first.content
    assert code(hotel.contribute(body)) == "grant-ended"
    assert Contribution.objects.count() == 1


REFUSED_RECORDS = {
    "an unknown field": (STAY | {"shoe": 1}, "record-invalid"),
    "a wrong type": (STAY | {"guests": "two"}, "record-invalid"),
    "an impossible day": (STAY | {"check_in": "2026-02-30"}, "record-invalid"),
    "nothing": ({}, "record-invalid"),
    "a resident number": (STAY | {"requests": "900101-1234568"}, "rrn-found"),
    "a resident number, hidden": (STAY | {"requests": "９００１０１ - １２３４５６８"}, "rrn-found"),
}  # fmt: skip


@pytest.mark.rule("11.4: resident registration numbers are refused", "consent.md")
def test_a_record_that_does_not_fit_is_refused_by_pointer(
    hotel: Brand, call: dict[str, Any]
) -> None:
    before = Record.objects.count()
    for name, (record, wanted) in REFUSED_RECORDS.items():
        answer = hotel.contribute(call | {"record": record})
        assert (answer.status_code, code(answer)) == (422, wanted), name
        assert answer.json()["errors"], name
        assert all(" " in each["detail"] for each in answer.json()["errors"]), name
        assert "9001" not in answer.content.decode()
    unknown = hotel.contribute(call | {"category": "guest@example.com", "record": STAY})
    assert (unknown.status_code, code(unknown)) == (403, "not-granted")
    assert Record.objects.count() == before


# At once ------------------------------------------------------------------------------
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("consent.md", "P2")
def test_many_at_once_never_read_more_than_agreed(hotel: Brand, pod: Pod) -> None:
    call = counted(hotel, pod, 5, "total")
    answers = together(*[lambda: Brand(hotel.made, token=hotel.token).read(call)] * 20)

    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 15
    assert Entry.objects.filter(type="record.read").count() == 5


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("P8: twice is once", "consent.md 9")
def test_the_same_contribution_at_once_is_one_record(hotel: Brand, call: dict[str, Any]) -> None:
    body = call | {"record": STAY}
    before = Record.objects.count()
    answers = together(
        *[lambda: Brand(hotel.made, token=hotel.token).contribute(body, key="once")] * 10
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert Record.objects.count() == before + 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("consent.md", "P1")
def test_an_end_in_the_middle_of_a_crowd_ends_it(
    hotel: Brand, call: dict[str, Any], grant: Grant, pod: Pod
) -> None:
    def read() -> Any:
        brand = Brand(hotel.made, token=hotel.token)
        return [(brand.read(call).status_code, timezone.now()) for _ in range(10)]

    def end() -> datetime:
        grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(pod.owner))
        return timezone.now()

    *reads, ended = together(*[read] * 6, end)

    assert {status for one in reads for status, _ in one} <= {200, 403}
    for one in reads:
        statuses = [status for status, _ in one]
        assert statuses == sorted(statuses)  # after the first no there is no yes
    assert Brand(hotel.made).read(call).status_code == 403
    assert ended
    served = sum(status == 200 for one in reads for status, _ in one)
    assert Entry.objects.filter(type="record.read").count() == served


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("a lock that is not had in time is 503 with Retry-After", "architecture.md")
def test_a_grant_that_is_held_too_long_is_503(
    hotel: Brand, call: dict[str, Any], grant: Grant
) -> None:
    from django.db import connection, transaction

    def read() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return Brand(hotel.made, token=hotel.token).read(call)

    with transaction.atomic():
        Grant.objects.select_for_update().get(pk=grant.pk)
        (answer,) = together(read)

    assert (answer.status_code, code(answer), answer["Retry-After"]) == (503, "try-again", "1")
    assert not Entry.objects.filter(type="record.read").exists()
    assert hotel.read(call).status_code == 200
