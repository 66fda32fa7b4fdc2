"""Counting by parts of a range."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from log10_trace.server.store.sqlite.counting import cut_positions


@given(st.integers(0, 1 << 50), st.integers(-10, 1 << 50))
def test_a_range_is_cut_into_parts(low: int, length: int) -> None:
    """The parts are few and cover each position once, the newest first; the first is a 64th."""
    high = low + length - 1
    parts = list(cut_positions(low, high))

    assert len(parts) <= 7
    assert sum(end - start + 1 for start, end in parts) == max(length, 0)
    assert all(newer[0] == older[1] + 1 for newer, older in pairwise(parts))
    if length > 0:
        assert (parts[0][1], parts[-1][0]) == (high, low)
    if length >= 64:
        assert parts[0][1] - parts[0][0] + 1 == length // 64
