"""Event ids: UUID version 7 (RFC 9562 section 5.7), so that an index on them grows at one end."""

import os
import time
from uuid import UUID

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_A = 0xFFF << 64
_RANDOM_B = (1 << 62) - 1


def event_id(unix_ns: int | None = None) -> UUID:
    """Return a new UUIDv7 for this moment.

    Its order says nothing about the order of entries: it is made before the row lock.
    """
    milliseconds = (time.time_ns() if unix_ns is None else unix_ns) // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    return UUID(
        int=(milliseconds << 80) | _VERSION | (noise & _RANDOM_A) | _VARIANT | (noise & _RANDOM_B)
    )
