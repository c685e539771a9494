"""What a partner is answered: exactly what was granted, never without an entry."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from audit import tally
from audit.models import Detail, Entry
from consent import grants, partners
from consent.access import calls, reading
from consent.actors import Actor
from consent.exceptions import (
    BudgetSpent,
    GrantEnded,
    GrantPaused,
    LevelTooLow,
    NotGranted,
    NotStarted,
    PartnerSuspended,
    PurposeMismatch,
    RecordUnreadable,
    RepeatRefused,
    RequestInvalid,
    TokenRefused,
    UnknownThing,
)
from consent.models import Client, Grant, GrantUse
from consent.oauth import tokens
from tests import cast
from tests.consent.access.conftest import STAY
from vault import pods
from vault.models import Pod, Record

Read = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.django_db


def leaves(kind: str) -> list[dict[str, Any]]:
    rows = Entry.objects.filter(type=kind).order_by("seq").values_list("leaf", flat=True)
    return [orjson.loads(bytes(leaf)) for leaf in rows]


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


# Refusals ----------------------------------------------------------------------------
def refused(call: Callable[[], object], error: type[Exception], code: str) -> None:
    """The call is refused for this reason, and the log says so."""
    before = Entry.objects.filter(type="record.read").count()
    with pytest.raises(error):
        call()
    assert leaves("record.refused")[-1]["reason"] == code
    assert Entry.objects.filter(type="record.read").count() == before


@pytest.mark.rule("consent.md", "6.2")
def test_after_the_end_nothing_is_read(
    read: Read, stay: Record, grant: Grant, owner: Actor
) -> None:
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", owner)

    refused(read, GrantEnded, "grant-ended")


def test_while_paused_nothing_is_read_and_afterwards_it_is(
    read: Read, stay: Record, grant: Grant, owner: Actor
) -> None:
    grants.pause(grant, owner)
    refused(read, GrantPaused, "grant-paused")

    grants.resume(Grant.objects.get(pk=grant.pk), owner)
    assert read()["records"]


def test_expiry_needs_no_worker(read: Read, stay: Record, grant: Grant) -> None:
    cast.start(grant, timezone.now() - timedelta(days=2))
    Grant.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    refused(read, GrantEnded, "grant-ended")


def test_before_its_start_nothing_is_read(read: Read, stay: Record) -> None:
    Grant.objects.update(valid_from=timezone.now() + timedelta(hours=1))

    refused(read, NotStarted, "not-started")


def test_another_purpose_is_refused_and_shown_to_the_person(
    read: Read, stay: Record, pod: Pod
) -> None:
    refused(lambda: read(purpose="dpv:DirectMarketing"), PurposeMismatch, "purpose-mismatch")

    assert Detail.objects.get(type="record.refused").person == pod.owner.ref


def test_a_purpose_that_nobody_knows_stands_only_in_the_detail(read: Read, stay: Record) -> None:
    refused(lambda: read(purpose="sell it all"), PurposeMismatch, "purpose-mismatch")

    assert leaves("record.refused")[0]["purpose"] == "unknown"


@pytest.mark.parametrize("category", ["itinerary", "no-such-category"])
def test_another_category_is_refused(read: Read, stay: Record, category: str) -> None:
    refused(lambda: read(category=category), NotGranted, "not-granted")


@pytest.mark.rule("consent.md", "P6")
def test_unknown_and_not_yours_are_the_same(
    read: Read, stay: Record, stranger: Pod, hotel: Client
) -> None:
    other = cast.make_client()
    cast.make_template(other.partner)
    theirs = cast.make_grant(stranger, other)

    refused(lambda: read(subject=theirs.pairwise), UnknownThing, "not-found")
    refused(lambda: read(subject="0" * 32), UnknownThing, "not-found")


def test_a_suspended_partner_is_not_answered(read: Read, stay: Record, hotel: Client) -> None:
    partners.suspend(hotel.partner, "court-order", cast.OPERATOR)

    refused(read, PartnerSuspended, "partner-suspended")


def test_a_killed_token_is_not_answered(
    token: bytes, grant: Grant, stay: Record, hotel: Client
) -> None:
    from consent.models import AccessToken

    value = tokens.issue(hotel)
    call = calls.parse({"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    assert reading.read(tokens.digest(value), call)["records"]

    tokens.kill(value, hotel)

    with pytest.raises(TokenRefused):
        reading.read(tokens.digest(value), call)
    AccessToken.objects.filter(pk=token).update(expires_at=timezone.now())
    with pytest.raises(TokenRefused):
        reading.read(token, call)
    with pytest.raises(TokenRefused):
        reading.read(b"\0" * 32, call)


def test_sensitive_data_needs_a_client_of_level_two(pod: Pod) -> None:
    club = cast.make_client(level=2)
    both = {"workout": {"actions": ["read"], "fields": None}}
    cast.make_template(club.partner, categories=both)
    given = cast.make_grant(pod, club, items=[cast.make_item("workout")])
    low = cast.make_client(club.partner, level=1)
    call = calls.parse({"subject": given.pairwise, "category": "workout", "purpose": cast.PURPOSE})

    bound = tokens.digest(tokens.issue(club, jkt="k" * 43))
    assert reading.read(bound, call, proof_jkt="k" * 43)["records"] == []
    with pytest.raises(LevelTooLow):
        reading.read(tokens.digest(tokens.issue(low)), call)


@pytest.mark.rule("consent.md", "2.2")
def test_from_level_two_on_a_token_counts_only_beside_its_key(pod: Pod, stay: Record) -> None:
    club = cast.make_client(level=2)
    cast.make_template(club.partner)
    given = cast.make_grant(pod, club)
    call = calls.parse({"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    bound = tokens.digest(tokens.issue(club, jkt="k" * 43))
    bare = tokens.digest(tokens.issue(club))

    assert reading.read(bound, call, proof_jkt="k" * 43)["records"]
    for digest, proof_jkt in ((bound, ""), (bound, "o" * 43), (bare, ""), (bare, "k" * 43)):
        with pytest.raises(TokenRefused):
            reading.read(digest, call, proof_jkt=proof_jkt)


def test_a_bound_token_of_level_one_is_no_bearer_token_either(
    hotel: Client, grant: Grant, stay: Record
) -> None:
    call = calls.parse({"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE})
    bound = tokens.digest(tokens.issue(hotel, jkt="k" * 43))
    with pytest.raises(TokenRefused):
        reading.read(bound, call)
    assert reading.read(bound, call, proof_jkt="k" * 43)["records"]


def test_a_token_for_one_grant_reads_under_no_other(
    hotel: Client, grant: Grant, stay: Record
) -> None:
    other = cast.make_grant(cast.make_pod(), hotel)
    narrow = tokens.digest(tokens.issue(hotel, grant=grant))
    call = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    assert reading.read(narrow, calls.parse(call))["records"]
    with pytest.raises(UnknownThing):
        reading.read(narrow, calls.parse(call | {"subject": other.pairwise}))


@pytest.mark.rule("log.md", "Refusals in floods")
def test_identical_refusals_are_counted_not_written_one_by_one(read: Read, stay: Record) -> None:
    for _ in range(50):
        with pytest.raises(PurposeMismatch):
            read(purpose="dpv:DirectMarketing")
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        tally.sweep()

    first, rest = leaves("record.refused")
    assert (rest["of"], rest["repeats"]) == (first["id"], 49)


def test_a_record_that_does_not_open_is_said_to_have_failed(read: Read, stay: Record) -> None:
    Record.objects.update(version=2)

    with pytest.raises(RecordUnreadable):
        read()

    (failed,) = leaves("record.failed")
    assert failed["of"] == leaves("record.read")[0]["id"]


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
