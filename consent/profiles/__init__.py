"""What a jurisdiction fixes, as data: clocks, limits, laws and the statute's own words.

"kr" binds everybody: it is the owners' law. A partner is bound besides by the profile of its
country, and by those that it declared when it was registered (10.1). Among all that bind,
answers come soonest and values are kept shortest.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

HOME = "kr"
_UNITS = {"minutes", "hours", "days"}


@cache
def names() -> tuple[str, ...]:
    """Return every profile that ships."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.json")))


@cache
def load(name: str = HOME) -> Mapping[str, Any]:
    """Return a profile."""
    path = Path(__file__).parent / f"{name}.json"
    profile: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return profile


def declarable() -> frozenset[str]:
    """Return those that bind a partner because it says so, whatever its country."""
    return frozenset(name for name in names() if load(name)["binds"].get("declared"))


@lru_cache(maxsize=256)
def binding(country: str, declared: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the profiles that bind a partner, the owners' own first."""
    said = frozenset(declared) & declarable()
    others = [name for name in names() if name in said or country in _countries(name)]
    return (HOME, *others)


def _countries(name: str) -> frozenset[str]:
    return frozenset(load(name)["binds"].get("countries", ()))


def length(clock: str, profiles: Iterable[str] = (HOME,)) -> timedelta:
    """Return a clock such as "request"; the shortest of those in several profiles."""
    found = [load(name)["clocks"][clock] for name in profiles if clock in load(name)["clocks"]]
    return min(_length(each) for each in found)


def limit(name: str) -> int:
    """Return a number of the profile, such as "link_tries_per_hour"."""
    return int(load()["limits"][name])


def copies_may_stay(profiles: Iterable[str] = (HOME,)) -> bool:
    """Return whether an owner's consent may leave copies with a partner after an end: all must say so."""
    return all(load(name).get("copies_may_stay", False) for name in profiles)


def deletion_choice(profiles: Iterable[str] = (HOME,)) -> bool:
    """Return whether an owner chooses at an end between deletion alone and either way: one is enough."""
    return any(load(name).get("deletion_choice", False) for name in profiles)


def laws(profiles: Iterable[str] = (HOME,)) -> dict[str, Mapping[str, Any]]:
    """Return the statutes of these profiles that allow keeping something after an end, by code."""
    return {law["code"]: law for name in profiles for law in load(name)["laws"]}


def _length(clock: Mapping[str, int]) -> timedelta:
    return timedelta(**{unit: count for unit, count in clock.items() if unit in _UNITS})
