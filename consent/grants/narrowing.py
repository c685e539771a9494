"""What an older version of a grant let somebody read and its successor does not."""

from collections.abc import Iterable

from consent.choices import Kept
from consent.models import Grant, RequestItem


def no_longer_read(earlier: Grant, kept: Iterable[Kept]) -> list[str]:
    """Return the categories that could be read, at least in part, and cannot be any more."""
    now = {
        each.asked.category: each.fields
        for each in kept
        if each.asked.action == RequestItem.Action.READ
    }
    readable = earlier.items.filter(action=RequestItem.Action.READ, ended_at=None)
    return sorted(
        item.category
        for item in readable
        if item.category not in now or not _within(item.fields, now[item.category])
    )


def _within(before: list[str] | None, after: tuple[str, ...] | None) -> bool:
    """Return whether every field of before is still there after; None stands for all."""
    if after is None:
        return True
    return before is not None and set(before) <= set(after)
