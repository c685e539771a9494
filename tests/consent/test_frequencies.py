"""What "less often" means between any two frequencies."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent import frequencies

frequency = st.fixed_dictionaries(
    {"count": st.integers(1, 50), "unit": st.sampled_from(frequencies.UNITS)}
)


@given(frequency | st.none())
def test_everything_is_at_most_itself_and_no_limit(one: dict[str, Any] | None) -> None:
    assert frequencies.at_most(one, one)
    assert frequencies.at_most(one, None)


@given(frequency, frequency, frequency)
def test_at_most_is_an_order(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    if frequencies.at_most(a, b) and frequencies.at_most(b, c):
        assert frequencies.at_most(a, c)


@given(st.integers(1, 50))
def test_the_same_count_in_a_longer_window_is_less(count: int) -> None:
    units = (*frequencies.CALENDAR, "total")
    for shorter, longer in pairwise(units):
        long, short = {"count": count, "unit": longer}, {"count": count, "unit": shorter}
        assert frequencies.at_most(long, short)
        assert not frequencies.at_most(short, long)


@pytest.mark.parametrize(
    ("less", "more", "fits"),
    [
        ({"count": 1, "unit": "day"}, {"count": 7, "unit": "week"}, True),
        ({"count": 1, "unit": "day"}, {"count": 6, "unit": "week"}, False),
        ({"count": 2, "unit": "day"}, {"count": 1, "unit": "hour"}, False),
        ({"count": 1, "unit": "record"}, {"count": 9, "unit": "day"}, False),
        ({"count": 9, "unit": "day"}, {"count": 9, "unit": "total"}, False),
        (None, {"count": 9, "unit": "day"}, False),
    ],
)
def test_what_fits_into_what(less: Any, more: Any, fits: bool) -> None:
    assert frequencies.at_most(less, more) is fits


@pytest.mark.parametrize(
    "nonsense",
    [{}, {"count": 1}, {"count": 0, "unit": "day"}, {"count": True, "unit": "day"},
     {"count": 1, "unit": "moon"}, {"count": 1.5, "unit": "day"},
     {"count": 1, "unit": "day", "more": 1}],
)  # fmt: skip
def test_nonsense_is_no_frequency(nonsense: Any) -> None:
    assert not frequencies.is_valid(nonsense)
