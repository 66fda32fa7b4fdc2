"""Positions to try for a record on SQLite."""

from __future__ import annotations

from itertools import islice

from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS, free_positions


def test_free_positions_are_near_and_do_not_run_out() -> None:
    """Positions to try stay near the moment at first and reach further each time."""
    tried = list(islice(free_positions(1_000, 0), 12))

    assert tried[0] == SORT_KEYS.make(1_000, 0)
    assert all(1_000 <= SORT_KEYS.began_ms(place) < 1_000 + 2**number for number, place in enumerate(tried))
