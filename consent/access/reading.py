"""Answers a partner's read: facts → decide → guard → open → shape (architecture: "One read, traced")."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import anchor, log
from audit.types import EntryType, Reason
from consent.access import (
    answers,
    budgets,
    derived,
    facts,
    guard,
    limits,
    opening,
    refusals,
    repeats,
    sealing,
)
from consent.access.calls import Call
from consent.access.decision import Facts, decide
from consent.access.orders import Confirmed, Order, Repeatable
from consent.exceptions import (
    ConsentError,
    RateLimited,
    RecordUnreadable,
    TokenRefused,
    TryAgain,
)
from keys.exceptions import GenerationGone, KeyErased, KeysError, ProviderAway
from vault import categories

ROUNDS = 3  # decisions, before the partner is asked to come again
READ = "read"


def read(token_digest: bytes, call: Call, *, proof_jkt: str = "") -> dict[str, Any]:
    """Return the answer to one call.

    `proof_jkt` is the key that the caller proved to hold, where it showed a proof.
    A yes is an entry in the log before a byte of data exists in the open; a no is one too.
    Raises `AccessRefused` or `UnknownThing` with the reason, `TokenRefused` for a stranger,
    `TryAgain` when the answer kept changing.
    """
    for round_ in range(ROUNDS):
        gathered = gather(token_digest, call)
        refusal = decide(
            gathered.facts,
            timezone.now(),
            purpose=call.purpose,
            fields=call.fields,
            proof_jkt=proof_jkt,
        )
        if round_ == 0 and not isinstance(refusal, TokenRefused):
            take(gathered.facts)
        if refusal is not None:
            raise refused(gathered, call, refusal)
        answer = attempt(gathered, call)
        if answer is not None:
            return answer
    raise TryAgain


def take(known: Facts, cost: int = 1) -> None:
    """Take a call's tokens from its partner's bucket. Raises `RateLimited`, which is logged."""
    try:
        limits.take(known.partner.id, cost)
    except RateLimited as error:
        partner = known.partner
        refusals.too_many(partner=partner.ref, client=known.client.ref, partner_epoch=partner.epoch)
        error.entered = True
        raise


def gather(token_digest: bytes, call: Call) -> facts.Gathered:
    """Return the facts of a read."""
    return facts.gather(
        token_digest,
        subject=call.subject,
        purpose=call.purpose,
        category=call.category,
        action=READ,
        idempotency_key=call.idempotency_key,
    )


def attempt(gathered: facts.Gathered, call: Call) -> dict[str, Any] | None:
    """Confirm and open one decided read; None when it must be decided again."""
    now = timezone.now()
    if gathered.first is not None:
        refusal = repeats.judge(gathered, call.digest(), now)
        if refusal is not None:
            raise refused(gathered, call, refusal)
    order = order_of(gathered, call, now)
    try:
        if gathered.first is not None:
            confirmed = repeats.confirm(order, gathered.first)
        else:
            confirmed = guard.confirm(order)
    except IntegrityError:
        return None  # another call with the same key was first: this one is its repeat
    if confirmed is None:
        if order.count and budgets.is_spent(order.facts, order.count):
            raise refused(gathered, call, budgets.spent(order.facts, now))
        return None
    anchor.guard_size(confirmed.log_size)
    return sealing.closed(answer_to(gathered, call, order, confirmed, now), gathered.facts)


def order_of(gathered: facts.Gathered, call: Call, now: datetime) -> Order:
    """Return what the guard is to confirm for a read that was decided."""
    grant = gathered.facts.grant
    assert grant is not None
    count = budgets.count(grant.frequency, grant.zone, now)
    repeatable = None
    if count and call.idempotency_key and gathered.first is None:
        repeatable = Repeatable(key=call.idempotency_key, body_digest=call.digest())
    return Order(
        facts=gathered.facts,
        category=kind.source if (kind := categories.find(call.category)) else call.category,
        entry=_entry(gathered, call),
        window=derived.window(call.category, grant, now),
        count=count,
        repeatable=repeatable,
    )


def _entry(gathered: facts.Gathered, call: Call) -> log.Row:
    known: Facts = gathered.facts
    assert known.grant is not None and known.pod is not None
    first = gathered.first
    draft = log.Draft(
        type=EntryType.RECORD_READ,
        role="partner",
        partner=known.partner.ref,
        client=known.client.ref,
        grant=known.grant.ref,
        epoch=known.grant.epoch,
        partner_epoch=known.partner.epoch,
        purpose=call.purpose,
        categories=(call.category,),
        actions=(READ,),
        outcome="ok",
        repeat_of=first.event_id if first else None,
        person=known.pod.person,
        audit_key=gathered.keys.audit.id if gathered.keys.audit else None,
        detail={"fields": list(call.fields) if call.fields else None},
    )
    return log.compose(draft, opening.audit_key(known, gathered.keys))


def answer_to(
    gathered: facts.Gathered,
    call: Call,
    order: Order,
    confirmed: Confirmed,
    now: datetime,
) -> dict[str, Any]:
    """Open and shape what the guard let through. Raises `RecordUnreadable`, `ProviderAway`."""

    def shaped(known: facts.Gathered) -> dict[str, Any]:
        return answers.build(
            known, order, confirmed, asked=call.fields, category=call.category, now=now
        )

    try:
        if answers.covers(gathered.keys, confirmed):
            with suppress(GenerationGone):
                return shaped(gathered)
        # A record came under a category key made after the facts were read, or all keys moved
        # to another generation. The keys of now are wanted; the permission was confirmed already.
        return shaped(gather(gathered.token_digest, call))
    except KeysError as error:
        _failed(gathered, call, order, reason=_reason(error))
        if isinstance(error, ProviderAway):
            raise  # nothing is wrong with the record
        raise RecordUnreadable from error


def _reason(error: KeysError) -> Reason:
    if isinstance(error, ProviderAway):
        return Reason.PROVIDER_AWAY
    return Reason.KEY_ERASED if isinstance(error, KeyErased) else Reason.TAMPERED


@transaction.atomic
def _failed(gathered: facts.Gathered, call: Call, order: Order, *, reason: Reason) -> None:
    """Say in the log that the read that it already holds gave nothing."""
    known = gathered.facts
    assert known.grant is not None and known.pod is not None
    # While the keys are away no detail can be sealed: the entry says it without one.
    person = known.pod.person if reason is not Reason.PROVIDER_AWAY else None
    audit_key = gathered.keys.audit.id if person and gathered.keys.audit else None
    log.append(
        log.Draft(
            type=EntryType.RECORD_FAILED,
            role="partner",
            partner=known.partner.ref,
            client=known.client.ref,
            grant=known.grant.ref,
            categories=(call.category,),
            outcome="failed",
            reason=reason,
            of=order.entry.event_id,
            person=person,
            audit_key=audit_key,
        )
    )


def refused(
    gathered: facts.Gathered, call: Call, refusal: ConsentError, *, times: int = 1
) -> ConsentError:
    """Log a refusal and return it, to be raised. `times`: how many reads of a call it is about."""
    refusals.refuse(
        gathered.facts,
        gathered.keys.audit.id if gathered.keys.audit else None,
        purpose=call.purpose,
        category=call.category,
        action=READ,
        reason=refusal.code,
        times=times,
    )
    refusal.entered = True
    return refusals.with_obligation(refusal, gathered.facts)
