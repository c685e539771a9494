"""One difference between the log as it is and as it was signed."""

from typing import NamedTuple


class Finding(NamedTuple):
    """Where it differs and how. `what` is a code, `where` is for people."""

    what: str
    where: str
