"""What raw SQL gives back, as Python: PostgreSQL's types already fit, SQLite's are text and numbers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson


def uuid(value: Any) -> UUID:
    """Return a UUID."""
    return value if isinstance(value, UUID) else UUID(value)


def moment(value: Any) -> Any:
    """Return an aware moment, or None."""
    if value is None or (isinstance(value, datetime) and value.tzinfo):
        return value
    parsed = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return parsed.replace(tzinfo=UTC)


def json(value: Any) -> Any:
    """Return a JSON value; psycopg under Django hands it over as text."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def length(value: Any) -> timedelta | None:
    """Return a length of time; SQLite keeps microseconds."""
    return timedelta(microseconds=value) if isinstance(value, int) else value
