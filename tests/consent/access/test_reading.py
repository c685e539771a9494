"""What a partner is answered: exactly what was granted, never without an entry."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Detail
from consent import grants
from consent.access import calls, reading
from consent.actors import Actor
from consent.exceptions import BudgetSpent, NotGranted, RepeatRefused, RequestInvalid
from consent.models import Client, Grant, GrantUse
from consent.oauth import tokens
from tests import cast
from tests.consent.access.conftest import STAY, Read
from tests.leaves import leaves
from vault import pods
from vault.models import Pod, Record

pytestmark = pytest.mark.django_db


def answered(body: dict[str, Any]) -> Any:
    """The answer as it goes over the wire."""
    return orjson.loads(orjson.dumps(body, option=orjson.OPT_UTC_Z))


@pytest.mark.rule("consent.md", "6.6")
def test_a_read_gives_the_value_its_source_and_what_goes_with_it(
    read: Read, stay: Record, grant: Grant
) -> None:
    answer = answered(read())

    (record,) = answer["records"]
    assert record["data"]["room"] == "1204"
    assert record["source"] == {"kind": "owner"}
    assert answer["grant"]["id"] == str(grant.id)
    assert answer["grant"]["remaining"] is None
    assert answer["grant"]["erase_by"] > timezone.now().isoformat()


@pytest.mark.rule("consent.md", "6.7")
def test_a_read_is_an_entry_with_its_epochs_and_without_a_person(
    read: Read, stay: Record, grant: Grant, pod: Pod
) -> None:
    answer = read()

    (leaf,) = leaves("record.read")
    assert leaf["id"] == answer["event"]
    assert (leaf["grant"], leaf["epoch"], leaf["partner_epoch"]) == (grant.ref, 1, 1)
    assert (leaf["purpose"], leaf["categories"]) == (cast.PURPOSE, ["stay"])
    assert pod.owner.ref not in str(leaf)
    assert Detail.objects.get(type="record.read").person == pod.owner.ref


def test_only_the_granted_fields_leave_the_vault(
    token: bytes, pod: Pod, hotel: Client, stay: Record
) -> None:
    given = cast.make_grant(pod, hotel, items=[cast.make_item("stay", fields=["room", "hotel"])])
    call = {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE}

    everything = answered(reading.read(token, calls.parse(call)))
    one = answered(reading.read(token, calls.parse(call | {"fields": ["room"]})))

    assert everything["records"][0]["data"] == {"room": "1204", "hotel": "Maru Hotel"}
    assert one["records"][0]["data"] == {"room": "1204"}
    with pytest.raises(NotGranted):
        reading.read(token, calls.parse(call | {"fields": ["room", "check_in"]}))


def test_an_empty_category_is_an_answer(read: Read) -> None:
    assert read()["records"] == []
    assert len(leaves("record.read")) == 1


@pytest.mark.rule("consent.md", "5.6")
def test_two_brands_cannot_compare_their_names_of_a_record(
    read: Read, stay: Record, pod: Pod
) -> None:
    other = cast.make_client()
    cast.make_template(other.partner)
    theirs = cast.make_grant(pod, other)
    call = {"subject": theirs.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    answer = reading.read(tokens.digest(tokens.issue(other)), calls.parse(call))

    assert answer["records"][0]["id"] != read()["records"][0]["id"]
    assert theirs.pairwise != Grant.objects.exclude(pk=theirs.pk).get().pairwise


# Budgets -----------------------------------------------------------------------------
@pytest.fixture
def budgeted(pod: Pod, hotel: Client, token: bytes) -> Callable[..., Read]:
    """Make a grant with a frequency and return how to read under it."""

    def make(count: int, unit: str) -> Read:
        given = cast.make_grant(pod, hotel, frequency={"count": count, "unit": unit})

        def call(**changes: Any) -> dict[str, Any]:
            body = {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE}
            return reading.read(token, calls.parse(body | changes))

        return call

    return make


@pytest.mark.rule("consent.md", "P2")
def test_reads_are_counted_and_the_next_one_is_refused(budgeted: Any, stay: Record) -> None:
    read = budgeted(2, "day")

    assert [read()["grant"]["remaining"] for _ in range(2)] == [1, 0]
    with pytest.raises(BudgetSpent) as spent:
        read()

    assert spent.value.next_window > timezone.now()
    assert leaves("record.refused")[-1]["reason"] == "budget-spent"
    assert GrantUse.objects.get().used == 2


@pytest.mark.rule("product.md", "story 8")
def test_one_look_a_record(budgeted: Any, pod: Pod) -> None:
    pods.put(pod, "stay", STAY | {"hotel": "A"})
    read = budgeted(1, "record")
    assert len(read()["records"]) == 1
    pods.put(pod, "stay", STAY | {"hotel": "B"})

    seen = answered(read())["records"]

    assert [record["data"]["hotel"] for record in seen] == ["B"]
    with pytest.raises(BudgetSpent):
        read()


@pytest.mark.rule("consent.md", "6.4")
def test_a_repeat_with_the_same_key_is_answered_and_not_counted(
    budgeted: Any, stay: Record, pod: Pod
) -> None:
    read = budgeted(1, "total")
    first = answered(read(idempotency_key="k1"))
    pods.put(pod, "stay", STAY | {"hotel": "added later"})
    pods.change(stay, STAY | {"hotel": "changed later"})

    again = [answered(read(idempotency_key="k1")) for _ in range(3)]

    for answer in again:
        assert [record["data"] for record in answer["records"]] == [
            record["data"] for record in first["records"]
        ]
    assert [leaf.get("repeat_of") for leaf in leaves("record.read")] == [None] + [
        first["event"]
    ] * 3
    assert GrantUse.objects.get().used == 1
    with pytest.raises(RepeatRefused):
        read(idempotency_key="k1")
    with pytest.raises(BudgetSpent):
        read(idempotency_key="k2")


def test_a_repeat_with_another_body_or_epoch_is_refused(
    budgeted: Any, stay: Record, owner: Actor
) -> None:
    read = budgeted(5, "day")
    read(idempotency_key="k1")

    with pytest.raises(RepeatRefused):
        read(idempotency_key="k1", fields=["hotel"])
    given = Grant.objects.get()
    grants.pause(given, owner)
    grants.resume(Grant.objects.get(), owner)
    with pytest.raises(RepeatRefused):
        read(idempotency_key="k1")


# The shape of a call -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({}, "/subject"),
        ({"subject": "", "category": "c", "purpose": "p"}, "/subject"),
        ({"subject": "s" * 65, "category": "c", "purpose": "p"}, "/subject"),
        ({"subject": "a\0b", "category": "c", "purpose": "p"}, "/subject"),
        ({"subject": 1, "category": "c", "purpose": "p"}, "/subject"),
        ({"subject": "s", "category": "c", "purpose": "p", "limit": 1}, ""),
        ({"subject": "s", "category": "c", "purpose": "p", "fields": []}, "/fields"),
        ({"subject": "s", "category": "c", "purpose": "p", "fields": "all"}, "/fields"),
        ({"subject": "s", "category": "c", "purpose": "p", "fields": ["a", "a"]}, "/fields"),
        (
            {"subject": "s", "category": "c", "purpose": "p", "idempotency_key": 7},
            "/idempotency_key",
        ),
    ],
)
def test_a_call_of_another_shape_says_where(body: Any, pointer: str) -> None:
    with pytest.raises(RequestInvalid) as error:
        calls.parse(body)

    assert pointer in [at for at, _ in error.value.problems]


@pytest.mark.rule("assurance.md", "I5")
def test_a_canary_is_in_no_table_in_clear(read: Read, pod: Pod) -> None:
    canary = "canary-7f3a91"
    pods.put(pod, "stay", STAY | {"hotel": canary})
    assert canary in orjson.dumps(read(), option=orjson.OPT_UTC_Z).decode()

    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                assert not any(canary in str(_text(value)) for value in row), table


def _text(value: Any) -> Any:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else value


def test_a_record_under_a_key_newer_than_the_facts_is_read(
    read: Read, stay: Record, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = reading.guard.confirm

    def after_a_deletion(order: Any) -> Any:
        """The owner deletes a record and adds another between the facts and the guard."""
        monkeypatch.setattr(reading.guard, "confirm", confirm)
        pods.delete(stay)
        pods.put(pod, "stay", STAY | {"room": "7"})
        return confirm(order)

    monkeypatch.setattr(reading.guard, "confirm", after_a_deletion)

    assert answered(read())["records"][0]["data"]["room"] == "7"
