"""Answers reads of many customers in one call: each is decided, entered and refused by itself."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from audit import anchor
from consent.access import budgets, calls, facts, guard_many, reading, sealing
from consent.access.calls import Call
from consent.access.decision import Facts, decide
from consent.access.facts import Asked, Gathered
from consent.access.orders import Confirmed, Order
from consent.exceptions import (
    ConsentError,
    PartnerSuspended,
    RequestInvalid,
    TokenRefused,
    TryAgain,
)

MOST = 500  # customers in one call
Result = dict[str, Any] | ConsentError


def parse(body: Any) -> list[Call]:
    """Return a call for each subject. Raises `RequestInvalid`, as for a single read."""
    if not isinstance(body, dict):
        raise RequestInvalid([("", "must be an object")])
    subjects = body.get("subjects")
    if not isinstance(subjects, list) or not _are_subjects(subjects):
        wanted = f"must be a list of 1 to {MOST} different texts of 1 to {calls.LONGEST} characters"
        raise RequestInvalid([("/subjects", wanted)])
    shared = {name: value for name, value in body.items() if name != "subjects"}
    if "subject" in shared:
        raise RequestInvalid([("/subject", "is said by subjects")])
    first = calls.parse(shared | {"subject": subjects[0]})
    return [_for_one(first, subject) for subject in subjects]


def read(token_digest: bytes, asked: Sequence[Call], *, proof_jkt: str = "") -> list[Result]:
    """Return for each call its answer, or why it is refused, in their order.

    Raises what is about the caller: `TokenRefused`, `PartnerSuspended`; and `ProviderAway`.
    """
    reads = [_Read(call) for call in asked]
    room = guard_many.MOST_BYTES
    for round_ in range(reading.ROUNDS):
        waiting = [each for each in reads if each.result is None]
        _decide(token_digest, waiting, proof_jkt, first=round_ == 0)
        room -= _confirm([each for each in waiting if each.result is None], room)
    return [TryAgain() if each.result is None else each.result for each in reads]


@dataclass(slots=True)
class _Read:
    """One read of the batch while it is worked off."""

    call: Call
    gathered: Gathered | None = None
    result: Result | None = None


def _for_one(call: Call, subject: str) -> Call:
    key = call.idempotency_key
    if key is not None:
        # One key for the whole call: each customer's read is repeatable by itself.
        key = hashlib.sha256(f"{key}\n{subject}".encode()).hexdigest()
    return Call(
        subject=subject,
        category=call.category,
        purpose=call.purpose,
        fields=call.fields,
        idempotency_key=key,
    )


def _are_subjects(value: list[Any]) -> bool:
    return (
        0 < len(value) <= MOST
        and all(calls.is_name(subject) for subject in value)
        and len(set(value)) == len(value)
    )


def _decide(token_digest: bytes, waiting: Sequence[_Read], proof_jkt: str, *, first: bool) -> None:
    """Gather the facts of all with one query; refuse and log those that may not."""
    found = facts.gather_many(
        token_digest,
        [
            Asked(one.subject, one.purpose, one.category, one.idempotency_key)
            for one in (each.call for each in waiting)
        ],
        action=reading.READ,
    )
    if first and not _is_refused_token(found[0].facts, waiting[0].call, proof_jkt):
        reading.take(found[0].facts, len(found))
    refused: dict[tuple[object, str], list[_Read]] = {}
    for each, gathered in zip(waiting, found, strict=True):
        each.gathered = gathered
        known, call, now = gathered.facts, each.call, timezone.now()
        why = decide(known, now, purpose=call.purpose, fields=call.fields, proof_jkt=proof_jkt)
        if why is not None:
            each.result = why
            refused.setdefault((known.grant and known.grant.id, why.code), []).append(each)
    for alike in refused.values():
        _refuse(alike)


def _is_refused_token(known: Facts, call: Call, proof_jkt: str) -> bool:
    why = decide(known, timezone.now(), purpose=call.purpose, fields=None, proof_jkt=proof_jkt)
    return isinstance(why, TokenRefused)


def _refuse(alike: Sequence[_Read]) -> None:
    """Log what is refused alike at once. Raises a refusal that is about the caller."""
    first = alike[0]
    assert first.gathered is not None and isinstance(first.result, ConsentError)
    why = reading.refused(first.gathered, first.call, first.result, times=len(alike))
    if isinstance(why, TokenRefused | PartnerSuspended):
        raise why


def _confirm(decided: Sequence[_Read], room: int) -> int:
    """Confirm and open; what has no result afterwards is to be decided again.

    Returns how many of the `room` sealed bytes were taken.
    """
    now = timezone.now()
    together: list[tuple[_Read, Order]] = []
    for each in decided:
        assert each.gathered is not None
        order = reading.order_of(each.gathered, each.call, now)
        if each.gathered.first or order.repeatable or (order.count and not order.count.bucket):
            each.result = _alone(each)
        else:
            together.append((each, order))
    confirmed = guard_many.confirm([order for _, order in together], room)
    for (each, order), found in zip(together, confirmed, strict=True):
        each.result = _answer(each, order, found)
    return sum(len(record.sealed) for found in confirmed if found for record in found.records)


def _alone(each: _Read) -> Result | None:
    """Confirm what is counted by records, or may be repeated: a statement of its own."""
    assert each.gathered is not None
    try:
        return reading.attempt(each.gathered, each.call)
    except ConsentError as error:
        return error


def _answer(each: _Read, order: Order, confirmed: Confirmed | None) -> Result | None:
    gathered, now = each.gathered, timezone.now()
    assert gathered is not None
    if confirmed is None:
        if order.count and budgets.is_spent(order.facts, order.count):
            return reading.refused(gathered, each.call, budgets.spent(order.facts, now))
        return None
    anchor.guard_size(confirmed.log_size)
    try:
        answer = reading.answer_to(gathered, each.call, order, confirmed, now)
        return sealing.closed(answer, gathered.facts)
    except ConsentError as error:
        return error
