"""Whole numbers that a browser sends: other digits than ours, and more than a column holds, are none."""

import re

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def whole(text: str | None) -> int | None:
    """Return the number that this text is; None for anything else."""
    return int(text) if text and _WHOLE.fullmatch(text) else None
