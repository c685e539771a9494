"""What changed since the last time: all of it, nothing else, decided and entered like a read."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
import pytest
import time_machine
from django.db import connection, connections, transaction
from django.utils import timezone

from consent import grants
from consent.access import changes, cursors
from consent.actors import Actor
from consent.exceptions import (
    BudgetSpent,
    CursorRefused,
    GrantEnded,
    NotGranted,
    RequestInvalid,
    TokenRefused,
    UnknownThing,
)
from consent.models import Client, Grant, GrantUse
from consent.oauth import tokens
from tests import cast
from tests.consent.access.conftest import STAY
from tests.leaves import leaves
from vault import pods, positions
from vault.models import Pod, Record

# Real transactions: on PostgreSQL their numbers are what a feed counts by.
pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(token: bytes, grant: Grant) -> Ask:
    """Ask for the changes of stays; keywords change the call."""

    known: set[tuple[str, int]] = set()

    def call(**changed: Any) -> dict[str, Any]:
        body = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
        answer = changes.read(changed.pop("token", token), changes.parse(body | changed))
        found: dict[str, Any] = orjson.loads(orjson.dumps(answer))
        if changed.get("cursor") is None:
            known.clear()
        news = [each for each in found["changes"] if is_news(each, known)]
        return found | {"changes": news, "all": found["changes"]}

    return call


def is_news(change: dict[str, Any], known: set[tuple[str, int]]) -> bool:
    """Whether this was not told before: while anybody in the cluster writes, some is told twice."""
    if change["kind"] == "deleted":
        gone = {each for each in known if each[0] == change["id"]}
        known -= gone
        return bool(gone)
    name = (change["record"]["id"], change["record"]["version"])
    if name in known:
        return False
    known.add(name)
    return True


def told(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    """What each change is, and the room of the record where there is one."""
    return [
        (each["kind"], each["record"]["data"]["room"] if "record" in each else None)
        for each in answer["changes"]
    ]


def put(pod: Pod, room: str) -> Record:
    return pods.put(pod, "stay", STAY | {"room": room})


def later() -> Any:
    """After the slack that the clocks of two processes are given."""
    return time_machine.travel(timezone.now() + timedelta(minutes=2))


def test_the_first_page_tells_everything_and_the_next_what_came_since(ask: Ask, pod: Pod) -> None:
    first, second = put(pod, "1"), put(pod, "2")
    answer = ask()
    assert sorted(told(answer)) == [("added", "1"), ("added", "2")]
    assert not answer["has_more"]

    assert told(ask(cursor=answer["cursor"])) == []
    put(pod, "3")
    pods.change(first, STAY | {"room": "1b"})
    pods.delete(second)
    since = ask(cursor=answer["cursor"])

    assert sorted(told(since), key=str) == [("added", "3"), ("changed", "1b"), ("deleted", None)]
    gone = {
        each["record"]["id"] for each in answer["changes"] if each["record"]["data"]["room"] == "2"
    }
    assert {each["id"] for each in since["changes"] if each["kind"] == "deleted"} == gone


@pytest.mark.rule("consent.md", "6.7")
def test_each_page_is_a_read_with_an_entry(ask: Ask, pod: Pod, grant: Grant) -> None:
    put(pod, "1")
    answer = ask()
    ask(cursor=answer["cursor"])

    entries = leaves("record.read")
    assert entries[0]["id"] == answer["event"]
    assert [entry["grant"] for entry in entries] == [grant.ref] * 2


def test_pages_together_tell_each_record_once(ask: Ask, pod: Pod) -> None:
    for number in range(25):
        put(pod, str(number))
    rooms, cursor = [], None
    for _ in range(3):
        answer = ask(cursor=cursor, limit=10)
        rooms += [room for _, room in told(answer)]
        cursor = answer["cursor"]

    assert sorted(rooms) == sorted(str(number) for number in range(25))
    assert not answer["has_more"]
    assert told(ask(cursor=cursor, limit=10)) == []


def test_what_is_hidden_is_gone_and_what_is_shown_is_back(ask: Ask, pod: Pod) -> None:
    record = put(pod, "1")
    cursor = ask()["cursor"]

    pods.hide(record)
    hidden = ask(cursor=cursor)
    pods.show(record)
    shown = ask(cursor=hidden["cursor"])

    assert (told(hidden), told(shown)) == ([("deleted", None)], [("added", "1")])


def test_what_nobody_was_told_of_is_not_told_to_be_gone(ask: Ask, pod: Pod) -> None:
    cursor = ask()["cursor"]
    with later():
        pods.delete(put(pod, "1"))
        hidden = put(pod, "2")
        pods.hide(hidden)
        answer = ask(cursor=cursor)

    assert answer["all"] == []
    assert ask()["all"] == []


def test_records_outside_the_granted_span_are_never_told(
    pod: Pod, hotel: Client, token: bytes
) -> None:
    given = cast.make_grant(pod, hotel, range={"since": "2026-11-01"})
    pods.put(
        pod, "stay", STAY | {"room": "old", "check_in": "2025-01-01", "check_out": "2025-01-02"}
    )
    inside = put(pod, "new")
    call = {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE}

    first = changes.read(token, changes.parse(call))
    assert [room for _, room in told(orjson.loads(orjson.dumps(first)))] == ["new"]
    pods.change(inside, STAY | {"check_in": "2025-01-01", "check_out": "2025-01-02"})
    since = changes.read(token, changes.parse(call | {"cursor": first["cursor"]}))

    # The name of the other may come too, where the cluster made this run begin again before it.
    assert {each["kind"] for each in since["changes"]} == {"deleted"}
    assert first["changes"][0]["record"]["id"] in {each["id"] for each in since["changes"]}


@pytest.mark.rule("consent.md", "P2")
@pytest.mark.parametrize("unit", ["day", "total"])
def test_pages_are_counted_against_the_budget(
    pod: Pod, hotel: Client, token: bytes, unit: str
) -> None:
    given = cast.make_grant(pod, hotel, frequency={"count": 2, "unit": unit})
    call = {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    remaining = [changes.read(token, changes.parse(call))["grant"]["remaining"] for _ in range(2)]

    assert remaining == [1, 0]
    with pytest.raises(BudgetSpent):
        changes.read(token, changes.parse(call))
    assert GrantUse.objects.get().used == 2


def test_a_record_that_may_be_looked_at_once_is_told_once(
    pod: Pod, hotel: Client, token: bytes
) -> None:
    given = cast.make_grant(pod, hotel, frequency={"count": 1, "unit": "record"})
    call = {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    put(pod, "1")
    assert len(changes.read(token, changes.parse(call))["changes"]) == 1
    put(pod, "2")

    again = changes.read(token, changes.parse(call))

    assert told(orjson.loads(orjson.dumps(again))) == [("added", "2")]
    with pytest.raises(BudgetSpent):
        changes.read(token, changes.parse(call))


def test_only_granted_fields_are_told(pod: Pod, hotel: Client, token: bytes) -> None:
    given = cast.make_grant(pod, hotel, items=[cast.make_item("stay", fields=["room"])])
    put(pod, "1")
    call = {"subject": given.pairwise, "category": "stay", "purpose": cast.PURPOSE}

    answer = orjson.loads(orjson.dumps(changes.read(token, changes.parse(call))))

    assert answer["changes"][0]["record"]["data"] == {"room": "1"}
    with pytest.raises(NotGranted):
        changes.read(token, changes.parse(call | {"fields": ["hotel"]}))


# Cursors -----------------------------------------------------------------------------
def refused(call: Callable[[], object]) -> None:
    before = len(leaves("record.read"))
    with pytest.raises(CursorRefused):
        call()
    assert leaves("record.refused")[-1]["reason"] == "cursor-refused"
    assert len(leaves("record.read")) == before


@pytest.mark.rule("consent.md", "P6")
def test_a_cursor_from_anywhere_else_is_refused(ask: Ask, pod: Pod, hotel: Client) -> None:
    mine = ask()["cursor"]
    other = cast.make_client()
    cast.make_template(other.partner)
    theirs = cast.make_grant(pod, other)
    their_token = tokens.digest(tokens.issue(other))
    elsewhere = cast.make_grant(cast.make_pod(), hotel)

    refused(lambda: ask(token=their_token, subject=theirs.pairwise, cursor=mine))
    refused(lambda: ask(subject=elsewhere.pairwise, cursor=mine))
    refused(lambda: ask(fields=["room"], cursor=mine))
    other_letter = "x" if mine[40] != "x" else "y"
    changed = mine[:40] + other_letter + mine[41:]
    for made_up in ("", "A" * 160, mine[:-1], mine[1:], changed, "%%%", "가"):
        refused(lambda made_up=made_up: ask(cursor=made_up))


def test_a_cursor_says_nothing_and_no_two_are_alike(ask: Ask, pod: Pod) -> None:
    put(pod, "1")
    one, two = ask()["cursor"], ask()["cursor"]
    assert one != two
    assert len(one) <= cursors.LONGEST


def test_a_cursor_of_a_grant_that_was_replaced_is_refused(
    ask: Ask, pod: Pod, hotel: Client, grant: Grant
) -> None:
    cursor = ask()["cursor"]
    cast.make_grant(pod, hotel)

    refused(lambda: ask(cursor=cursor))


def test_a_pause_keeps_the_cursor_good(ask: Ask, pod: Pod, grant: Grant, owner: Actor) -> None:
    put(pod, "1")
    cursor = ask()["cursor"]
    grants.pause(grant, owner)
    put(pod, "2")
    grants.resume(Grant.objects.get(pk=grant.pk), owner)

    assert told(ask(cursor=cursor)) == [("added", "2")]


def test_a_cursor_from_before_a_restore_is_refused(
    ask: Ask, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(pod, "1")
    cursor = ask()["cursor"]
    monkeypatch.setattr(positions, "newest", lambda: 1)

    refused(lambda: ask(cursor=cursor))


# Refusals ----------------------------------------------------------------------------
def test_it_is_refused_as_a_read_is(ask: Ask, grant: Grant, owner: Actor) -> None:
    with pytest.raises(UnknownThing):
        ask(subject="nobody")
    with pytest.raises(NotGranted):
        ask(category="itinerary")
    with pytest.raises(TokenRefused):
        ask(token=b"\0" * 32)
    cursor = ask()["cursor"]
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", owner)
    with pytest.raises(GrantEnded):
        ask(cursor=cursor)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 201}, "/limit"),
        ({"limit": True}, "/limit"),
        ({"limit": "1"}, "/limit"),
        ({"cursor": 1}, "/cursor"),
        ({"cursor": "x" * 401}, "/cursor"),
        ({"idempotency_key": "k"}, "/idempotency_key"),
        ({"since": 1}, ""),
        ({"subject": ""}, "/subject"),
    ],
)
def test_a_call_of_another_shape_says_where(wrong: dict[str, Any], pointer: str) -> None:
    body = {"subject": "s", "category": "stay", "purpose": "p"}
    with pytest.raises(RequestInvalid) as error:
        changes.parse(body | wrong)
    assert pointer in [at for at, _ in error.value.problems]


# Late commits ------------------------------------------------------------------------
@pytest.mark.postgres
def test_what_commits_late_is_told_late_and_never_lost(ask: Ask, pod: Pod) -> None:
    put(pod, "before")
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        put(pod, "late")
        # Others read and write while this one has not committed yet.
        inner = pool.submit(_told_meanwhile, ask, pod).result(timeout=20)
    rooms, cursor = inner

    since = ask(cursor=cursor)

    assert rooms == {"before", "meanwhile"}
    assert "late" in {room for _, room in told(since)}
    assert told(ask(cursor=since["cursor"])) == []


def _told_meanwhile(ask: Ask, pod: Pod) -> tuple[set[str], str]:
    try:
        put(pod, "meanwhile")
        answer = ask(limit=1)
        rooms = {room for _, room in told(answer)}
        while answer["has_more"]:
            answer = ask(cursor=answer["cursor"], limit=1)
            rooms |= {room for _, room in told(answer)}
        return rooms, answer["cursor"]
    finally:
        connections.close_all()


@pytest.mark.parametrize("seed", range(5))
def test_whoever_follows_the_changes_knows_what_is_there(
    ask: Ask, pod: Pod, token: bytes, grant: Grant, seed: int
) -> None:
    """Apply what is told to a copy; at the end the copy is what a read gives."""
    chance = random.Random(seed)
    mine: list[Record] = []
    copy: dict[str, Any] = {}
    cursor = None
    for step in range(40):
        kind = chance.choice(["put", "put", "change", "delete", "hide", "show", "ask"])
        record = chance.choice(mine) if mine else None
        if kind == "put" or record is None:
            mine.append(put(pod, f"{step}"))
        elif kind == "change":
            record = Record.objects.get(pk=record.pk)
            pods.change(record, STAY | {"room": f"{step}"})
        elif kind == "delete":
            pods.delete(mine.pop(mine.index(record)))
        elif kind in {"hide", "show"}:
            getattr(pods, kind)(record)
        if kind == "ask" or step == 39:
            more = True
            while more:
                answer = ask(cursor=cursor, limit=3)
                _apply(copy, answer)
                cursor, more = answer["cursor"], answer["has_more"]

    shown = {record.pk for record in Record.objects.shown()}
    assert sorted(copy.values()) == sorted(pods.get(pod, key).value["room"] for key in shown)


def _apply(copy: dict[str, Any], answer: dict[str, Any]) -> None:
    for each in answer["changes"]:
        if each["kind"] == "deleted":
            copy.pop(each["id"], None)
        else:
            copy[each["record"]["id"]] = each["record"]["data"]["room"]


@pytest.mark.postgres
def test_a_page_is_found_by_an_index(ask: Ask, pod: Pod) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM vault_record WHERE pod_id = %s AND category = %s"
            " AND (change, id) > (%s, %s) ORDER BY change, id LIMIT 10",
            [pod.pk, "stay", 0, pod.pk],
        )
        assert "record_by_change" in str(cursor.fetchall())
