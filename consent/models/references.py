"""Names that say nothing, for objects that the log and partners must be able to point at."""

import uuid


def random_reference() -> str:
    """Return 128 random bits in hex: an object's own name in the log (design: log.md, "Leaf")."""
    return uuid.uuid4().hex
