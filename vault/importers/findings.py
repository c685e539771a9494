"""What a reader yields: a record to be, or what is wrong and where. Never a value in the latter."""

from dataclasses import dataclass
from typing import Any

MIB = 1024 * 1024
# A file as it lies on the disk, and all files of an archive together.
LARGEST_FILE = 16 * MIB
LARGEST_ARCHIVE = 64 * MIB
MOST_RECORDS = 50_000
# A record with more points is split, so that each part stays below the limit of a record.
MOST_POINTS = 5_000


@dataclass(frozen=True, slots=True)
class Item:
    """A record that a file holds, unchecked; `line` and `entry` of a list count from 1."""

    line: int
    category: str
    value: dict[str, Any]
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Bad:
    """Something in a file that becomes no record."""

    line: int
    reason: str
    entry: int | None = None


Finding = Item | Bad
