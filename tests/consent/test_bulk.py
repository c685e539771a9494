"""Thousands of records in one stream: each whole or not at all, once, and answered for."""

import io
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from audit.models import Detail, Entry, Pending
from consent import erasure, grants, partners
from consent.actors import Actor
from consent.contributions import bulk, guard, lines
from consent.exceptions import TokenRefused, TooManyRecords
from consent.models import Client, Contribution, ContributionUse, Grant, Obligation
from consent.oauth import tokens
from tests import cast
from tests.consent.grants.test_ending import read_once
from tests.leaves import leaves
from vault import pods
from vault.models import Pod, Record

STAY = {"hotel": "마루호텔", "city": "서울", "check_in": "2026-11-20", "check_out": "2026-11-21"}
BRINGS = [cast.make_item("stay", action="contribute"), cast.make_item("itinerary")]
Result = dict[str, Any]
pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(pod: Pod, hotel: Client) -> Grant:
    return cast.make_grant(pod, hotel, items=BRINGS)


@pytest.fixture
def token(hotel: Client) -> bytes:
    return tokens.digest(tokens.issue(hotel))


@pytest.fixture
def bring(hotel: Client, token: bytes) -> Callable[..., list[Result]]:
    """Bring items, or lines as they are, in one request."""

    def call(*found: Any, key: str | None = None, client: Client | None = None) -> list[Result]:
        rows = [one if isinstance(one, bytes) else orjson.dumps(one) for one in found]
        read = io.BytesIO(b"\n".join(rows)).read
        digest = token if client is None else tokens.digest(tokens.issue(client))
        return bulk.take(client or hotel, digest, read, idempotency_key=key or uuid4().hex)

    return call


def item(grant: Grant, **changes: Any) -> dict[str, Any]:
    return {
        "subject": grant.pairwise, "category": "stay", "purpose": grant.purpose, "record": STAY,
    } | changes  # fmt: skip


def errors(results: list[Result]) -> list[str | None]:
    return [result.get("error") for result in results]


@pytest.mark.rule("consent.md", "6.7")
def test_each_record_is_the_owners_and_has_an_entry_of_its_own(
    pod: Pod, grant: Grant, hotel: Client, bring: Any
) -> None:
    results = bring(*(item(grant, record=STAY | {"city": f"도시 {n}"}) for n in range(5)))

    found = pods.read(pod, "stay")
    assert {one.value["city"] for one in found} == {f"도시 {n}" for n in range(5)}
    assert {(one.record.source, one.record.source_name) for one in found} == {
        ("partner", hotel.partner.legal_name_ko)
    }
    told = leaves("record.contributed")
    assert [leaf["id"] for leaf in told] == [result["event"] for result in results]
    assert {(leaf["grant"], leaf["epoch"], leaf["partner_epoch"]) for leaf in told} == {
        (grant.ref, 1, 1)
    }
    assert pod.owner.ref not in str(told)
    assert Detail.objects.filter(type="record.contributed", person=pod.owner.ref).count() == 5
    assert Pending.objects.count() >= 5
    assert {result["index"] for result in results} == set(range(5))
    assert not {str(one.record.pk) for one in found} & {result["record"] for result in results}


def test_records_of_many_owners_go_each_into_its_pod(hotel: Client, bring: Any) -> None:
    given = [cast.make_grant(cast.make_pod(), hotel, items=BRINGS) for _ in range(4)]

    results = bring(*(item(one) for one in given * 2))

    assert errors(results) == [None] * 8
    assert all(len(pods.read(one.pod, "stay")) == 2 for one in given)


def test_what_is_wrong_with_one_is_told_and_the_others_are_taken(
    pod: Pod, grant: Grant, bring: Any
) -> None:
    rrn = STAY | {"guest_note": "900101-1234567"}
    results = bring(
        item(grant),
        b"{not json",
        b'{"subject": "a", "subject": "b"}',
        item(grant, extra=1),
        item(grant, record=[]),
        item(grant, record=STAY | {"check_in": "tomorrow"}),
        item(grant, record=rrn),
        item(grant, category="itinerary"),
        item(grant, purpose="dpv:DirectMarketing"),
        item(grant, subject="nobody"),
        item(grant, category="no-such"),
        b"   ",
        item(grant),
    )

    assert errors(results) == [
        None, "malformed-json", "malformed-json", "request-invalid", "request-invalid",
        "record-invalid", "rrn-found", "not-granted", "purpose-mismatch", "not-found",
        "not-granted", None,
    ]  # fmt: skip
    assert results[5]["errors"][0]["pointer"] == "/record/check_in"
    assert "900101" not in str(results)
    assert "tomorrow" not in str(results)
    assert len(pods.read(pod, "stay")) == 2
    reasons = sorted(leaf["reason"] for leaf in leaves("record.refused"))
    assert reasons == ["not-found", "not-granted", "not-granted", "purpose-mismatch"]


def test_what_was_not_granted_is_not_taken(pod: Pod, hotel: Client, bring: Any) -> None:
    only = cast.make_item("stay", action="contribute", fields=["hotel"])
    given = cast.make_grant(pod, hotel, items=[only])

    results = bring(item(given), item(given, record={"hotel": "마루"}))

    assert errors(results)[0] == "request-invalid"
    assert results[0]["errors"][0]["pointer"] == "/record"


@pytest.mark.rule("consent.md", "P8")
def test_the_same_request_again_is_answered_as_before_and_brings_nothing(
    pod: Pod, grant: Grant, bring: Any
) -> None:
    sent = [item(grant, key=f"k{n}") for n in range(3)]
    first = bring(*sent, key="once")

    again = bring(*sent, key="once")
    more = bring(item(grant, key="new"), *reversed(sent), key="once")

    assert again == first
    assert [result["record"] for result in more[1:]] == [r["record"] for r in reversed(first)]
    assert len(pods.read(pod, "stay")) == 4
    assert len(leaves("record.contributed")) == 4


def test_without_keys_of_their_own_the_items_places_count(grant: Grant, bring: Any) -> None:
    first = bring(item(grant), item(grant), key="once")

    assert bring(item(grant), item(grant), key="once") == first
    assert bring(item(grant), key="twice")[0]["record"] != first[0]["record"]
    assert Record.objects.count() == 3


def test_a_key_is_for_one_record_in_a_request_and_between_requests(
    grant: Grant, bring: Any
) -> None:
    other = item(grant, key="k", record=STAY | {"city": "부산"})
    results = bring(item(grant, key="k"), item(grant, key="k"), other, key="once")

    assert errors(results) == [None, None, "idempotency-key-reused"]
    assert results[0]["record"] == results[1]["record"]
    assert errors(bring(other, key="once")) == ["idempotency-key-reused"]
    assert Record.objects.count() == 1


def test_a_key_whose_first_record_was_refused_is_free_for_the_next(
    pod: Pod, grant: Grant, bring: Any
) -> None:
    wrong = item(grant, key="k", record={"check_in": 7})
    results = bring(wrong, wrong, item(grant, key="k"), item(grant, key="k"))

    assert errors(results) == ["record-invalid", "record-invalid", None, None]
    assert len(pods.read(pod, "stay")) == 1
    assert ContributionUse.objects.get().used == 1


def test_a_repeat_after_the_end_is_answered_as_before(
    grant: Grant, owner: Actor, bring: Any
) -> None:
    first = bring(item(grant), key="once")
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", owner)

    assert bring(item(grant), key="once") == first
    assert errors(bring(item(grant), key="later")) == ["grant-ended"]


def test_a_key_means_nothing_to_another_brand(pod: Pod, grant: Grant, bring: Any) -> None:
    bring(item(grant, key="k"), key="once")
    other = cast.make_client()
    cast.make_template(other.partner)
    theirs = cast.make_grant(pod, other, items=BRINGS)

    assert errors(bring(item(theirs, key="k"), key="once", client=other)) == [None]
    assert errors(bring(item(grant), client=other)) == ["not-found"]


def test_more_than_the_limit_is_told_with_what_was_taken(
    grant: Grant, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST", 7)
    monkeypatch.setattr(bulk, "CHUNK_ITEMS", 3)

    with pytest.raises(TooManyRecords) as caught:
        bring(*(item(grant) for _ in range(9)))

    assert errors(caught.value.results) == [None] * 7
    assert Record.objects.count() == 7


def test_a_partner_brings_no_more_on_one_day_than_its_quota(
    grant: Grant, bring: Any, settings: Settings
) -> None:
    settings.CONTRIBUTIONS_PER_DAY = 3
    assert errors(bring(item(grant), item(grant), key="a")) == [None, None]

    assert errors(bring(*[item(grant)] * 3, key="b")) == [None, "quota-spent", "quota-spent"]
    assert errors(bring(item(grant), item(grant), key="a")) == [None, None]
    assert ContributionUse.objects.get().used == 3
    ContributionUse.objects.update(day=timezone.localdate() - timedelta(days=1))
    assert errors(bring(item(grant))) == [None]


def test_a_dead_token_brings_nothing(grant: Grant, bring: Any, hotel: Client) -> None:
    with pytest.raises(TokenRefused):
        bulk.take(
            hotel, b"\0" * 32, io.BytesIO(orjson.dumps(item(grant))).read, idempotency_key="x"
        )
    partners.suspend(hotel.partner, "court-order", cast.OPERATOR)

    assert errors(bring(item(grant))) == ["partner-suspended"]
    assert not Record.objects.exists()


@pytest.mark.rule("consent.md", "6.5")
def test_after_its_person_was_erased_each_is_told_of_the_end_and_of_what_is_owed(
    pod: Pod, hotel: Client, owner: Actor, bring: Any
) -> None:
    grant = cast.make_grant(pod, hotel, items=[*BRINGS, cast.make_item("stay")])
    read_once(grant)
    erasure.erase_pod(pod, owner, at_once=True)
    owed = Obligation.objects.get(grant=grant)

    for told in bring(item(grant), item(grant)):
        assert told["error"] == "grant-ended"
        assert told["ended_at"] is not None
        assert told["obligation"] == str(owed.pk)


@pytest.mark.rule("consent.md", "P8")
def test_a_failure_in_the_middle_leaves_no_item_half_done_and_the_repeat_takes_the_rest(
    pod: Pod, grant: Grant, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK_ITEMS", 2)
    put, calls = guard.put, []

    def fails_at_the_second(batch: Any) -> Any:
        calls.append(batch)
        if len(calls) == 2:
            raise DatabaseError
        return put(batch)

    monkeypatch.setattr(guard, "put", fails_at_the_second)
    sent = [item(grant, record=STAY | {"city": f"{n}"}) for n in range(5)]
    with pytest.raises(DatabaseError):
        bring(*sent, key="once")
    assert Record.objects.count() == len(leaves("record.contributed")) == 2

    assert errors(bring(*sent, key="once")) == [None] * 5
    assert Record.objects.count() == len(leaves("record.contributed")) == 5
    assert Contribution.objects.count() == 5


def test_what_ends_between_two_chunks_takes_effect(
    grant: Grant, owner: Actor, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK_ITEMS", 2)
    put = guard.put

    def then_ends(batch: Any) -> Any:
        found = put(batch)
        monkeypatch.setattr(guard, "put", put)
        grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", owner)
        return found

    monkeypatch.setattr(guard, "put", then_ends)

    assert errors(bring(*[item(grant)] * 4)) == [None, None, "grant-ended", "grant-ended"]
    assert Record.objects.count() == 2


@pytest.mark.rule("consent.md", "6.3")
@pytest.mark.parametrize("change", ["end", "pause", "key"])
def test_what_changed_after_the_decision_is_decided_again(
    change: str, pod: Pod, grant: Grant, owner: Actor, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = pods.put(pod, "stay", STAY)
    put = guard.put

    def changes_first(batch: Any) -> Any:
        monkeypatch.setattr(guard, "put", put)
        if change == "end":
            grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", owner)
        elif change == "pause":
            grants.pause(grant, owner)
        else:
            pods.delete(old)
        return put(batch)

    monkeypatch.setattr(guard, "put", changes_first)
    expected = {"end": "grant-ended", "pause": "grant-paused", "key": None}[change]

    assert errors(bring(item(grant))) == [expected]
    if change == "key":
        assert [one.value for one in pods.read(pod, "stay")] == [STAY]
        assert Record.objects.get().key_version == 2
    else:
        assert not leaves("record.contributed")


@pytest.mark.rule("assurance.md", "I5")
def test_no_value_is_in_a_table_in_clear(grant: Grant, bring: Any) -> None:
    bring(item(grant, key="canary-key-51c0", record=STAY | {"hotel": "canary-51c0"}))

    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert "canary" not in str(
                [[_text(value) for value in row] for row in cursor.fetchall()]
            )


def _text(value: Any) -> Any:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else value


# The stream --------------------------------------------------------------------------
@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=8), st.data())
def test_a_stream_is_cut_into_its_lines_wherever_its_blocks_end(
    found: list[bytes], data: Any
) -> None:
    stream = io.BytesIO(b"\n".join(found))
    sizes = st.integers(1, 50)

    cut = list(lines.split(lambda _size: stream.read(data.draw(sizes)), 25))

    assert cut == [
        None if len(line) > 25 else line for line in found if len(line) > 25 or line.strip()
    ]


def test_an_endless_line_takes_no_memory() -> None:
    blocks = iter([b"x" * 100_000] * 500 + [b"\n{}", b""])
    tracemalloc.start()

    assert list(lines.split(lambda _size: next(blocks), 1_000_000)) == [None, b"{}"]

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@given(st.binary(max_size=200))
def test_any_line_is_an_item_or_an_error(data: bytes) -> None:
    from consent.contributions import items
    from consent.exceptions import RequestInvalid
    from vault.exceptions import MalformedJSON

    with pytest.raises((MalformedJSON, RequestInvalid)):
        items.Reader("key").read(data, 0)
    assert not Entry.objects.exists()


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=4)), st.data())
def test_the_form_of_a_record_is_cut_out_of_the_form_of_its_item(
    record: dict[str, str], data: Any
) -> None:
    from consent.contributions import items
    from vault import strictjson

    tricky = st.sampled_from(['"record":', 'x,"subject":', "\\", '\\"record":{"', "평범"])
    body = {
        "subject": data.draw(tricky), "category": data.draw(tricky), "purpose": data.draw(tricky),
        "record": record | {'"record":': '"subject":'},
    }  # fmt: skip

    read = items.Reader("key").read(orjson.dumps(body), 0)

    assert read.data == strictjson.dumps(body["record"])
