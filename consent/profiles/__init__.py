"""What a jurisdiction fixes, as data: clocks, limits and the statute's own words."""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

_UNITS = {"minutes", "hours", "days"}


@cache
def load(name: str = "kr") -> Mapping[str, Any]:
    """Return a profile; "kr" binds every owner and partner until others are registered (10.1)."""
    path = Path(__file__).parent / f"{name}.json"
    profile: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return profile


def length(name: str) -> timedelta:
    """Return a clock of the profile, such as "request" or "request_in_session"."""
    clock = load()["clocks"][name]
    return timedelta(**{unit: count for unit, count in clock.items() if unit in _UNITS})


def limit(name: str) -> int:
    """Return a number of the profile, such as "link_tries_per_hour"."""
    return int(load()["limits"][name])
