"""What an owner chose within a request: which items, for how long, how often, which ticks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consent import frequencies
from consent.exceptions import BelowAtLeast, ChoicesInvalid
from consent.models import AccessRequest, RequestItem
from vault import categories


@dataclass(frozen=True, slots=True)
class ItemChoice:
    """One item of the request, kept; `fields` may name fewer than were asked for."""

    category: str
    action: str = "read"
    fields: tuple[str, ...] | None = None  # None: as asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the owner agrees to. None means: as asked."""

    items: tuple[ItemChoice, ...]
    expires_at: datetime | None = None
    frequency: dict[str, Any] | None = None
    ticks: frozenset[str] = frozenset()

    @classmethod
    def everything(cls, request: AccessRequest, ticks: frozenset[str] = frozenset()) -> "Choices":
        """Return the choice of all that was asked for; the ticks still have to be made."""
        items = tuple(ItemChoice(item.category, item.action) for item in request.items.all())
        return cls(items=items, ticks=ticks)


@dataclass(frozen=True, slots=True)
class Kept:
    """An item as it will be granted: what was asked, and the fields that are left of it."""

    asked: RequestItem
    fields: tuple[str, ...] | None  # None: every field of the category, present and future


def kept_items(request: AccessRequest, choices: Choices) -> list[Kept]:
    """Return the chosen items in the order of the request. Raises `ChoicesInvalid`."""
    chosen = {(item.category, item.action): item for item in choices.items}
    asked = {(item.category, item.action): item for item in request.items.all()}
    if not chosen or len(chosen) != len(choices.items) or not chosen.keys() <= asked.keys():
        raise ChoicesInvalid("choose at least one of the items that were asked for, each once")
    if any(item.required and key not in chosen for key, item in asked.items()):
        raise ChoicesInvalid("a required item cannot be left out; refuse the request instead")
    return [
        Kept(item, _fields(item, chosen[key].fields))
        for key, item in sorted(asked.items(), key=lambda pair: pair[1].position)
        if key in chosen
    ]


def expires_at(request: AccessRequest, choices: Choices) -> datetime:
    """Return when the grant will expire."""
    return choices.expires_at or request.grant_expires_at


def frequency(request: AccessRequest, choices: Choices) -> dict[str, Any] | None:
    """Return the budget that the grant will have."""
    return choices.frequency or request.frequency


def check(request: AccessRequest, choices: Choices, now: datetime) -> None:
    """Pass if the choices lie within what was asked for and not below `at_least`.

    Raises `ChoicesInvalid` or `BelowAtLeast`.
    """
    kept_items(request, choices)
    start, end = max(now, request.valid_from or now), expires_at(request, choices)
    if not start < end <= request.grant_expires_at:
        raise ChoicesInvalid("the end must be after the start and not later than was asked for")
    if request.bound_ends_at is not None and request.bound_ends_at <= start:
        raise ChoicesInvalid("what this was bound to is over")
    budget = frequency(request, choices)
    if budget is not None and not frequencies.is_valid(budget):
        raise ChoicesInvalid("a frequency is a count of at least 1 and a known unit")
    if not frequencies.at_most(budget, request.frequency):
        raise ChoicesInvalid("more often than was asked for")
    _not_below(request, end, budget)


def _not_below(request: AccessRequest, end: datetime, budget: dict[str, Any] | None) -> None:
    least = request.at_least or {}
    if (earliest := least.get("expires")) and end < datetime.fromisoformat(earliest):
        raise BelowAtLeast
    if (rarest := least.get("frequency")) and not frequencies.at_most(rarest, budget):
        raise BelowAtLeast


def _fields(item: RequestItem, chosen: tuple[str, ...] | None) -> tuple[str, ...] | None:
    asked = None if item.fields is None else tuple(item.fields)
    if chosen is None:
        return asked
    known = asked if asked is not None else categories.get(item.category).top_fields
    if not chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(known):
        raise ChoicesInvalid("choose at least one of the fields that were asked for, each once")
    return tuple(name for name in known if name in chosen)
