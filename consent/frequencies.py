"""How often a grant may be read, as it is asked for and narrowed: {"count": n, "unit": u}.

n reads in each calendar hour, day, ISO week, month or year, n of each record, or n in all.
How reads are counted is `access/budgets.py`.
"""

from collections.abc import Mapping
from typing import Any

CALENDAR = ("hour", "day", "week", "month", "year")
UNITS = (*CALENDAR, "record", "total")
MOST = 1_000_000
# At most how many windows of the first unit touch one window of the second.
_TOUCHING = {
    ("hour", "day"): 25,  # where clocks go back; none in Seoul
    ("hour", "week"): 169,
    ("hour", "month"): 745,
    ("hour", "year"): 8785,
    ("day", "week"): 7,
    ("day", "month"): 31,
    ("day", "year"): 366,
    ("week", "month"): 6,
    ("week", "year"): 54,
    ("month", "year"): 12,
}


def is_valid(frequency: Mapping[str, Any]) -> bool:
    """Return whether this is a frequency at all."""
    count, unit = frequency.get("count"), frequency.get("unit")
    return (
        set(frequency) == {"count", "unit"}
        and type(count) is int
        and 1 <= count <= MOST
        and unit in UNITS
    )


def at_most(less: Mapping[str, Any] | None, more: Mapping[str, Any] | None) -> bool:
    """Return whether `less` allows no more reads in a window of `more` than `more` itself.

    None is no limit. Those per record compare only with each other. A longer window counts
    whole, even where a week lies in two months: who asks for less often means less often.
    """
    if more is None:
        return True
    if less is None:
        return False
    if less["unit"] == more["unit"]:
        return bool(less["count"] <= more["count"])
    if "record" in {less["unit"], more["unit"]} or more["unit"] == "total":
        return False
    if less["unit"] == "total" or _rank(less["unit"]) > _rank(more["unit"]):
        # All reads of the longer window may fall into one of the shorter ones.
        return bool(less["count"] <= more["count"])
    return bool(less["count"] * _TOUCHING[less["unit"], more["unit"]] <= more["count"])


def _rank(unit: str) -> int:
    return CALENDAR.index(unit)
