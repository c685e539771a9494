"""What the log says, for tests: leaves in the order in which they were appended."""

from typing import Any

from audit import leaf
from audit.models import Detail, Entry


def leaves(*types: str, **fields: Any) -> list[dict[str, Any]]:
    """Return the leaves of these types that say all of `fields`; every type if none is named."""
    entries = Entry.objects.order_by("seq")
    if types:
        entries = entries.filter(type__in=types)
    read = [leaf.decode(bytes(entry.leaf)) for entry in entries]
    return [each for each in read if all(each.get(name) == said for name, said in fields.items())]


def only(entry_type: str, **fields: Any) -> dict[str, Any]:
    """Return the one leaf of this type."""
    (found,) = leaves(entry_type, **fields)
    return found


def is_about(person: str, entry_type: str) -> bool:
    """Return whether the person has an entry of this type in their activity."""
    return Detail.objects.filter(person=person, type=entry_type).exists()
