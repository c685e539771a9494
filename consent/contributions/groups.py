"""What many items share: who brings what into whose pod. Decided once, composed once, sealed alike."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit import drafts
from audit.drafts import Draft, Row
from audit.identifiers import event_id
from audit.types import EntryType
from consent.access import opening
from consent.access.decision import Facts
from consent.access.facts import Asked, Gathered
from consent.contributions.items import Item
from consent.exceptions import RequestInvalid
from consent.models import RequestItem
from keys.exceptions import KeyErased
from keys.rows import OpenCategoryKey
from vault import categories, sealed
from vault.categories import Category

CONTRIBUTE = RequestItem.Action.CONTRIBUTE.value


@dataclass(frozen=True, slots=True)
class Group:
    """A yes for one subject, purpose and category, with everything opened that its items need."""

    asked: Asked
    facts: Facts
    category: Category
    key: OpenCategoryKey
    draft: Draft
    leaf: dict[str, Any]
    audit_key: bytes | None


@dataclass(frozen=True, slots=True)
class Sealed:
    """An item as the tables take it."""

    item: Item
    group: Group
    record: UUID
    occurred_at: datetime | None
    sealed: bytes
    entry: Row


def open_group(asked: Asked, gathered: Gathered) -> Group:
    """Open what a decided group needs. Raises a `KeysError`."""
    facts = gathered.facts
    opened = opening.category_keys(facts, gathered.keys)
    if not opened:
        raise KeyErased
    version = max(opened)
    key_id, _wrapped = gathered.keys.category[version]
    draft = _draft(asked, facts, gathered.keys.audit.id if gathered.keys.audit else None)
    return Group(
        asked=asked,
        facts=facts,
        category=categories.get(asked.category),
        key=OpenCategoryKey(key_id, version, opened[version]),
        draft=draft,
        leaf=drafts.fields_of(draft),
        audit_key=opening.audit_key(facts, gathered.keys),
    )


def seal(item: Item, group: Group) -> Sealed:
    """Check a record and seal it, with its entry. Raises `RecordInvalid`, `RRNFound`, `RequestInvalid`."""
    assert group.facts.item is not None and group.facts.pod is not None
    allowed = group.facts.item.fields
    if allowed is not None and not set(item.record) <= set(allowed):
        raise RequestInvalid([("/record", "has a field that was not granted")])
    sealed.checked_in_form(group.category.id, item.record, item.data)
    # Ids that grow: the index of records then grows at one end.
    record = event_id()
    place = sealed.Place(group.facts.pod.id, group.category.id, record, 1)
    return Sealed(
        item=item,
        group=group,
        record=record,
        occurred_at=categories.happened_at(group.category, item.record),
        sealed=sealed.close(group.key, place, item.data),
        entry=drafts.compose_fields(dict(group.leaf), group.draft, group.audit_key),
    )


def _draft(asked: Asked, facts: Facts, audit_key: UUID | None) -> Draft:
    assert facts.grant is not None and facts.pod is not None
    return Draft(
        type=EntryType.RECORD_CONTRIBUTED,
        role="partner",
        partner=facts.partner.ref,
        client=facts.client.ref,
        grant=facts.grant.ref,
        epoch=facts.grant.epoch,
        partner_epoch=facts.partner.epoch,
        purpose=facts.grant.purpose,
        categories=(asked.category,),
        actions=(CONTRIBUTE,),
        outcome="ok",
        person=facts.pod.person,
        audit_key=audit_key,
        detail={"channel": "api"},
    )
