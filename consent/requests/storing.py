"""Stores a request that was checked, with its items and its entry."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from audit import log
from audit.types import EntryType
from consent import entries, profiles
from consent.actors import Actor
from consent.models import AccessRequest, Client, PurposeTemplate, RequestItem
from consent.requests import hints
from consent.requests.addressees import Addressee
from consent.requests.validation import Asked, AskedItem


class Key(NamedTuple):
    """What makes a second call the same call."""

    text: str
    body_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A request that may be asked: by which client, under which template."""

    client: Client
    asked: Asked
    template: PurposeTemplate
    key: Key


def store(
    checked: Checked,
    actor: Actor,
    now: datetime,
    *,
    reach: AccessRequest.Reach,
    addressee: Addressee | None,
) -> AccessRequest:
    """Store a request; the caller is in a transaction and holds the partner.

    Without an addressee it is for whoever opens its link.
    """
    asked, client = checked.asked, checked.client
    life = "request_in_session" if asked.in_session else "request"
    request = AccessRequest.objects.create(
        partner=client.partner,
        client=client,
        pod_id=None if addressee is None else addressee.pod,
        reach=reach,
        named_digest=hints.named_digest(client.partner, asked.purpose, asked.subject),
        template=checked.template,
        idempotency_key=checked.key.text,
        body_digest=checked.key.body_digest,
        asked_at=now,
        expires_at=min(now + profiles.length(life), asked.expires),
        **_terms(asked),
    )
    items = [_item(request, position, item) for position, item in enumerate(asked.items)]
    RequestItem.objects.bulk_create(items)
    concerning = {} if addressee is None else addressee.facts(actor)
    log.append(entries.of_request(EntryType.REQUEST_MADE, request, actor, concerning=concerning))
    # A journey is told as one, and in a session its owner stands before the page.
    is_alone = reach != AccessRequest.Reach.JOURNEY and not asked.in_session
    if is_alone and addressee is not None:
        addressee.write(client.partner)
    return request


def _terms(asked: Asked) -> dict[str, Any]:
    bound = asked.bound_to or {}
    return {
        "purpose": asked.purpose,
        "action": asked.action,
        "access_mode": asked.access_mode,
        "frequency": asked.frequency,
        "data_range": asked.data_range,
        "retention": asked.retention,
        "valid_from": asked.valid_from,
        "grant_expires_at": asked.expires,
        "bound_kind": bound.get("kind", ""),
        "bound_ref": bound.get("ref", ""),
        "bound_ends_at": bound.get("ends_at"),
        "at_least": asked.at_least,
        "benefit_ko": asked.benefit["ko"],
        "benefit_en": asked.benefit["en"],
        "processors": [_processor(each) for each in asked.processors],
        "overseas": asked.overseas,
        "marketing": asked.marketing,
        "partner_ref": asked.partner_ref,
        "in_session": asked.in_session,
    }


def _processor(processor: dict[str, Any]) -> dict[str, str]:
    name, work = processor["name"], processor["work"]
    return {
        "name_ko": name["ko"], "name_en": name["en"],
        "work_ko": work["ko"], "work_en": work["en"],
    }  # fmt: skip


def _item(request: AccessRequest, position: int, item: AskedItem) -> RequestItem:
    return RequestItem(
        request=request,
        position=position,
        category=item.category,
        action=item.action,
        fields=item.fields,
        why_ko=item.why["ko"],
        why_en=item.why["en"],
        required=item.required,
        refusal_effect=item.effect,
        refusal_effect_name_ko=item.missing_feature["ko"],
        refusal_effect_name_en=item.missing_feature["en"],
    )
