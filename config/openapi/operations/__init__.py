"""Every operation of the partner's door, by what a brand wants of it."""

from collections.abc import Iterator

from config.openapi.operation import Operation
from config.openapi.operations import asking, discovering, ending, giving, knocking, reading

PARTS = (knocking, asking, reading, giving, ending, discovering)


def all_of_them() -> Iterator[Operation]:
    """Yield each, in the order in which a brand meets them."""
    for part in PARTS:
        yield from part.operations()


def tags() -> list[dict[str, str]]:
    """Return the groups that operations stand in."""
    return [part.tag() for part in PARTS]
