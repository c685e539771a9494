"""The cast of the log's tests: somebody whose details can be sealed, and drafts to vary."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from audit.log import Draft
from audit.types import EntryType
from keys import tree


class Person(NamedTuple):
    """Somebody an entry is about."""

    ref: str
    audit_key: UUID


@pytest.fixture
def person(db: None) -> Person:
    """Somebody with an audit key."""
    ref = uuid4().hex
    with transaction.atomic():
        return Person(ref, tree.make_audit_key(ref))


@pytest.fixture
def read_of(person: Person) -> Callable[..., Draft]:
    """Draft a read of this person's record."""

    def draft(**changes: Any) -> Draft:
        fields: dict[str, Any] = {
            "type": EntryType.RECORD_READ, "role": "partner", "partner": "a" * 32,
            "client": "b" * 32, "grant": "c" * 32, "epoch": 1, "partner_epoch": 1,
            "purpose": "stay_preferences", "categories": ("stay",), "actions": ("read",),
            "outcome": "ok", "person": person.ref, "audit_key": person.audit_key,
            "detail": {"records": ["d" * 32]},
        }  # fmt: skip
        return Draft(**{**fields, **changes})

    return draft


def plain(**changes: Any) -> Draft:
    """Draft an entry that is about nobody."""
    return Draft(**{"type": EntryType.PURPOSE_PUBLISHED, "role": "operator", **changes})
