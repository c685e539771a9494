"""Checks a value before anything is locked or opened for it. `vault/pods.py` is the door to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from vault import categories, sealed
from vault.models import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A record that was checked and is to be put into a pod; made by `prepare`."""

    category: str
    data: bytes
    occurred_at: datetime | None
    source: str = Source.OWNER
    source_partner: str | None = None
    source_name: str = ""
    obtained_at: datetime | None = None
    # The record of a brand that this one contradicts: "이건 사실과 달라요" (consent.md 12.1).
    disputes: UUID | None = None


def prepare(category: str, value: Any, **origin: Any) -> Prepared:
    """Check a value and return what `add` takes. Raises as `put` does for values."""
    data = sealed.checked(category, value)
    happened = categories.happened_at(categories.get(category), value)
    return Prepared(category=category, data=data, occurred_at=happened, **origin)
