"""What the workers write into the log, and about whom."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from audit import log
from audit.log import Draft
from audit.types import EntryType
from consent.models import Delivery, Grant, Obligation
from keys.exceptions import KeyErased


def of_grant(entry_type: EntryType, grant: Grant, **fields: Any) -> Draft:
    """Return an entry about a grant; its owner sees it. `grant.pod.owner` should be loaded."""
    pod = grant.pod
    if pod.audit_key_id is None:
        fields.pop("detail", None)
    return Draft(
        type=entry_type,
        role=fields.pop("role", "system"),
        grant=grant.ref,
        # An erased owner has no audit key left: the leaf alone remains to be written.
        person=pod.owner.ref if pod.audit_key_id else None,
        audit_key=pod.audit_key_id,
        **fields,
    )


def of_obligation(entry_type: EntryType, obligation: Obligation, **fields: Any) -> Draft:
    """Return an entry about an obligation."""
    return of_grant(
        entry_type,
        obligation.grant,
        obligation=obligation.ref,
        categories=tuple(obligation.categories),
        **fields,
    )


def of_delivery(entry_type: EntryType, delivery: Delivery, **fields: Any) -> Draft:
    """Return an entry about an event that is owed to a partner."""
    if delivery.grant is None:
        fields.pop("detail", None)  # about no person
        role = fields.pop("role", "system")
        return Draft(type=entry_type, role=role, delivery=delivery.ref, **fields)
    return of_grant(entry_type, delivery.grant, delivery=delivery.ref, **fields)


def append_many(drafts: Sequence[Draft]) -> None:
    """Append entries; of somebody who was erased a moment ago, the leaf alone."""
    try:
        log.append_many(drafts)
    except KeyErased:
        for draft in drafts:
            _append_about_whoever_is_left(draft)


def _append_about_whoever_is_left(draft: Draft) -> None:
    try:
        log.append(draft)
    except KeyErased:
        log.append(replace(draft, person=None, audit_key=None, detail=None))
