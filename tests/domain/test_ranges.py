"""Sets of whole numbers as ranges."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain import ranges


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)).map(lambda pair: (pair[0], sum(pair)))))
def test_ranges_hold_the_numbers_they_were_made_of(given_ranges: list[tuple[int, int]]) -> None:
    """United ranges are apart and hold the same numbers; the gaps are exactly the others."""
    numbers = {number for first, last in given_ranges for number in range(first, last + 1)}
    united = ranges.merge_ranges(given_ranges)

    assert {number for first, last in united for number in range(first, last + 1)} == numbers
    assert all(one[1] + 1 < other[0] for one, other in pairwise(united))
    assert ranges.count(united) == len(numbers)
    missing = {number for first, last in ranges.missing_ranges(united) for number in range(first, last + 1)}
    assert missing == set(range(1, max(numbers, default=0))) - numbers


@given(st.sets(st.integers(1, 40)))
def test_numbers_become_ranges(numbers: set[int]) -> None:
    """Runs become one range each, in order, and the ranges hold the same numbers."""
    found = ranges.to_ranges(numbers)

    assert [number for first, last in found for number in range(first, last + 1)] == sorted(numbers)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))


def test_numbers_that_come_twice_count_once() -> None:
    """A repeated number, and one out of order, change nothing."""
    assert ranges.to_ranges([7, 1, 2, 2, 3]) == [(1, 3), (7, 7)]


def test_ranges_are_written_with_both_ends() -> None:
    """A range of one number is that number."""
    assert ranges.format_ranges([(1, 3), (7, 7)]) == "1-3, 7"
