"""Moments as an operator types them."""

from datetime import datetime


def moment(text: str) -> datetime:
    """Return a moment in ISO 8601 that says in which zone it is. Raises `ValueError`."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a moment needs a zone")
    return at
