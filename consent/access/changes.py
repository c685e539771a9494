"""Tells what changed in a category since the last time: a read that goes on where it stopped.

Each page is decided, counted and entered as a read (6.2, 6.7). What was added or changed comes
with its newest state; of what is gone only the name is told.
"""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from audit import anchor
from consent.access import (
    answers,
    budgets,
    calls,
    cursors,
    derived,
    guard_changes,
    reading,
    sealing,
)
from consent.access.calls import Call
from consent.access.cursors import Cursor
from consent.access.decision import decide
from consent.access.facts import Gathered
from consent.access.guard_changes import Change, Page
from consent.access.orders import MOST_RECORDS, Confirmed, Order
from consent.exceptions import CursorRefused, RequestInvalid, TokenRefused, TryAgain
from vault import positions
from vault.derived import computing

USUAL = 100  # changes in one page


@dataclass(frozen=True, slots=True)
class Feed:
    """Which changes are asked for."""

    call: Call
    cursor: str | None
    limit: int


def parse(body: Any) -> Feed:
    """Return what is asked for. Raises `RequestInvalid`, as for a read."""
    if not isinstance(body, dict):
        raise RequestInvalid([("", "must be an object")])
    cursor, limit = body.get("cursor"), body.get("limit", USUAL)
    problems = []
    if "idempotency_key" in body:
        problems.append(("/idempotency_key", "is not for changes; the cursor says where to go on"))
    if cursor is not None and not (isinstance(cursor, str) and len(cursor) <= cursors.LONGEST):
        problems.append(("/cursor", "must be a cursor of an earlier answer"))
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= MOST_RECORDS:
        problems.append(("/limit", f"must be a whole number from 1 to {MOST_RECORDS}"))
    if problems:
        raise RequestInvalid(problems)
    shared = {name: value for name, value in body.items() if name not in {"cursor", "limit"}}
    call = calls.parse(shared)
    kind = derived.view(call.category)
    if kind is not None and computing.is_aggregate(kind.compute):
        raise RequestInvalid([("/view", "is one value of all records; read it again instead")])
    return Feed(call, cursor, limit)


def read(token_digest: bytes, feed: Feed, *, proof_jkt: str = "") -> dict[str, Any]:
    """Return one page of changes and the cursor for the next.

    Raises as a read does, and `CursorRefused` for a cursor from elsewhere.
    """
    call = feed.call
    for round_ in range(reading.ROUNDS):
        gathered = reading.gather(token_digest, call)
        known, now = gathered.facts, timezone.now()
        why = decide(known, now, purpose=call.purpose, fields=call.fields, proof_jkt=proof_jkt)
        if round_ == 0 and not isinstance(why, TokenRefused):
            reading.take(known)
        if why is not None:
            raise reading.refused(gathered, call, why)
        answer = _attempt(gathered, feed)
        if answer is not None:
            return answer
    raise TryAgain


def _attempt(gathered: Gathered, feed: Feed) -> dict[str, Any] | None:
    call, now = feed.call, timezone.now()
    try:
        cursor = _cursor(gathered, feed)
    except CursorRefused as error:
        raise reading.refused(gathered, call, error) from None
    order = reading.order_of(gathered, call, now)
    page = guard_changes.confirm(order, cursor, feed.limit)
    if page is None:
        if order.count and budgets.is_spent(order.facts, order.count):
            raise reading.refused(gathered, call, budgets.spent(order.facts, now))
        return None
    anchor.guard_size(page.log_size)
    return _answer(gathered, call, order, page, cursor)


def _cursor(gathered: Gathered, feed: Feed) -> Cursor:
    if feed.cursor is None:
        return Cursor.first()
    cursor = cursors.open_cursor(feed.cursor, gathered.facts, feed.call)
    # After a backup was put back, numbers begin again below: what was told is not what is there.
    if cursor.change > positions.newest():
        raise CursorRefused
    return cursor


def _answer(
    gathered: Gathered, call: Call, order: Order, page: Page, cursor: Cursor
) -> dict[str, Any]:
    now = timezone.now()
    told = [each for each in page.changes if each.record or not each.is_there]
    records = [each.record for each in told if each.record]
    confirmed = Confirmed(page.log_size, page.used, records, page.has_more)
    answer = reading.answer_to(gathered, call, order, confirmed, now)
    shaped = iter(answer.pop("records"))
    key = answers.record_key(gathered.facts.partner.id)
    if page.has_more:
        last = page.changes[-1]
        following = cursor.after(last.change, last.id, page.settled, now)
    else:
        following = cursor.next_run(page.settled, now)
    answer |= {
        "changes": [_change(each, shaped, key) for each in told],
        "cursor": cursors.seal(following, gathered.facts, call),
    }
    return sealing.closed(answer, gathered.facts)


def _change(each: Change, shaped: Any, key: bytes) -> dict[str, Any]:
    if each.record is None:
        return {"kind": "deleted", "id": answers.record_name(key, each.id)}
    return {"kind": "added" if each.record.version == 1 else "changed", "record": next(shaped)}
