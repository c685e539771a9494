"""What partners bring into a pod: decided like a read, sealed like a record, and the owner's from then on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from jsonschema_rs import ValidationError

from audit import log
from audit.types import EntryType
from consent import digests, entries, locking, pairs
from consent.access import refusals
from consent.access.answers import record_id
from consent.access.decision import (
    ClientFacts,
    Facts,
    GrantFacts,
    ItemFacts,
    PartnerFacts,
    PodFacts,
    decide,
)
from consent.actors import Actor
from consent.exceptions import AccessRefused, ConsentError, KeyReuse, RequestInvalid, UnknownThing
from consent.models import Client, Contribution, Grant, GrantItem, RequestItem
from vault import categories, holding, wording
from vault.exceptions import PodErased
from vault.models import Pod, Source
from vault.pods import add, prepare

_NAME = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[^\\x00]+$"}
SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Contribution",
    "type": "object",
    "additionalProperties": False,
    "required": ["subject", "category", "purpose", "record"],
    "properties": {
        "subject": _NAME,
        "category": _NAME,
        "purpose": _NAME,
        "record": {"type": "object"},
    },
}
_VALIDATOR = categories.validator(SCHEMA)


@dataclass(frozen=True, slots=True)
class _Call:
    """One contribution while it is being decided."""

    client: Client
    subject: str
    category: str
    purpose: str
    record: dict[str, Any]
    key: str
    body_digest: bytes
    now: datetime
    only: UUID | None


def contribute(
    client: Client,
    body: object,
    *,
    idempotency_key: str,
    now: datetime | None = None,
    only: UUID | None = None,
) -> dict[str, Any]:
    """Put one record into the pod of an owner who agreed to it, and return its id and entry.

    `only` is the grant that the caller's token is for, where it is for one.
    The same key with the same body is answered as before and changes nothing. Raises
    `RequestInvalid`, `KeyReuse`, and as a read does `AccessRefused` or `UnknownThing`; what is
    wrong with the record is a `RecordInvalid` or `RRNFound`.
    """
    call = _parse(client, body, idempotency_key, now or timezone.now(), only)
    if (earlier := _earlier(call)) is not None:
        return earlier
    pod = pairs.pod_of(client.partner, call.subject)
    try:
        if pod is None:
            raise _Refused(UnknownThing(), _facts(call, None, None))
        return _answer(_put(call, pod))
    except _Refused as refused:
        _log_refusal(call, pod, refused)
        raise refusals.with_obligation(refused.why, refused.facts) from None
    except IntegrityError:
        # The same key at the same moment: the other call brought it.
        if (earlier := _earlier(call)) is not None:
            return earlier
        raise


class _Refused(Exception):
    """Carries a refusal out of its transaction, so that its entry outlives it."""

    def __init__(self, why: ConsentError, facts: Facts) -> None:
        super().__init__()
        self.why, self.facts = why, facts


@transaction.atomic
def _put(call: _Call, pod: Pod) -> Contribution:
    """Decide under the locks of pod, partner and grant, then seal and log."""
    known = call.category in categories.load()
    try:
        pod = holding.for_sealing(pod, {call.category}) if known else holding.shared(pod)
    except PodErased:
        raise _after_erasure(call, pod) from None
    locking.partner(call.client.partner_id)
    found = _grant(call, pod)
    grant = locking.steady_grant(found.pk) if found else None
    facts = _facts(call, pod, grant)
    why = decide(facts, max(call.now, timezone.now()), purpose=call.purpose, fields=None)
    if why is not None or grant is None:
        raise _Refused(why or UnknownThing(), facts)
    return _seal(call, pod, grant, facts)


def _after_erasure(call: _Call, pod: Pod) -> _Refused:
    """Return why nothing comes into a pod that is gone: every grant over it ended with it."""
    grant = _grant(call, pod)
    facts = _facts(call, pod, grant)
    why = decide(facts, timezone.now(), purpose=call.purpose, fields=None)
    return _Refused(why or UnknownThing(), facts)


def _seal(call: _Call, pod: Pod, grant: Grant, facts: Facts) -> Contribution:
    partner = call.client.partner
    new = prepare(
        call.category,
        _only_granted(call, facts),
        source=Source.PARTNER,
        source_partner=str(partner.pk),
        source_name=partner.legal_name_ko,
        obtained_at=call.now,
    )
    (record,) = add(pod, [new])
    grant.pod = pod
    entry = log.append(
        entries.of_grant(
            EntryType.RECORD_CONTRIBUTED,
            grant,
            Actor.of_client(call.client),
            categories=(call.category,),
            actions=(RequestItem.Action.CONTRIBUTE,),
            epoch=grant.epoch,
            partner_epoch=facts.partner.epoch,
            outcome="ok",
        )
    )
    return Contribution.objects.create(
        client=call.client,
        grant=grant,
        idempotency_key=call.key,
        body_digest=call.body_digest,
        category=call.category,
        records=[record_id(partner.pk, record.pk)],
        event_id=entry.event_id,
    )


def _only_granted(call: _Call, facts: Facts) -> dict[str, Any]:
    """Return the record if it holds granted fields only; what was not granted is not taken."""
    assert facts.item is not None
    allowed = facts.item.fields
    if allowed is not None and not set(call.record) <= set(allowed):
        raise RequestInvalid([("/record", "has a field that was not granted")])
    return call.record


def _parse(client: Client, body: object, key: str, now: datetime, only: UUID | None) -> _Call:
    problems = [_problem(error) for error in wording.findings(_VALIDATOR, body)]
    if problems:
        raise RequestInvalid(problems)
    assert isinstance(body, dict)
    digest = digests.of_body(body)
    return _Call(client=client, key=key, body_digest=digest, now=now, only=only, **body)


def _problem(error: ValidationError) -> tuple[str, str]:
    pointer, what = wording.problem(error, SCHEMA)
    if error.kind.name == "additionalProperties":
        what = _("has a member that a contribution does not have")
    return pointer, what


def _earlier(call: _Call) -> dict[str, Any] | None:
    made = Contribution.objects.filter(client=call.client, idempotency_key=call.key).first()
    if made is None:
        return None
    if bytes(made.body_digest) != call.body_digest:
        raise KeyReuse
    return _answer(made)


def _answer(made: Contribution) -> dict[str, Any]:
    return {"record": made.records[0], "event": str(made.event_id), "category": made.category}


def _grant(call: _Call, pod: Pod) -> Grant | None:
    """Return the grant for the stated purpose, else any: a wrong purpose is told from a stranger."""
    mine = Grant.objects.of(pod).filter(partner=call.client.partner_id).order_by("-given_at")
    return mine.filter(purpose=call.purpose).first() or mine.first()


def _facts(call: _Call, pod: Pod | None, grant: Grant | None) -> Facts:
    category = categories.load().get(call.category)
    client = Client.objects.select_related("partner").get(pk=call.client.pk)
    partner = client.partner
    return Facts(
        # The door has checked the token a moment ago; here only the client can have changed.
        client=ClientFacts(
            id=client.pk, ref=client.ref, level=client.level, revoked_at=client.revoked_at,
            token_expires_at=call.now + timedelta(minutes=5), token_killed_at=None,
            token_grant=call.only,
        ),
        partner=PartnerFacts(
            id=partner.pk, ref=partner.ref, epoch=partner.epoch,
            suspended_at=partner.suspended_at, deregistered_at=partner.deregistered_at,
        ),
        grant=None if grant is None else _grant_facts(grant),
        item=None if grant is None else _item_facts(grant, call.category),
        pod=None if pod is None else PodFacts(
            id=pod.pk, ref=pod.ref, person=pod.owner.ref,
            paused_at=pod.paused_at, erased_at=pod.erased_at,
        ),
        category_classes=None if category is None else category.classes,
    )  # fmt: skip


def _grant_facts(grant: Grant) -> GrantFacts:
    names = GrantFacts.__dataclass_fields__
    return GrantFacts(**{name: getattr(grant, name) for name in names})


def _item_facts(grant: Grant, category: str) -> ItemFacts | None:
    item = GrantItem.objects.filter(
        grant=grant, category=category, action=RequestItem.Action.CONTRIBUTE
    ).first()
    if item is None:
        return None
    return ItemFacts(None if item.fields is None else tuple(item.fields), item.ended_at)


def _log_refusal(call: _Call, pod: Pod | None, refused: _Refused) -> None:
    known = isinstance(refused.why, AccessRefused | UnknownThing)
    refusals.refuse(
        refused.facts,
        pod.audit_key_id if pod else None,
        purpose=call.purpose,
        category=call.category,
        action=RequestItem.Action.CONTRIBUTE,
        reason=refused.why.code if known else "refused",
    )
    refused.why.entered = True
