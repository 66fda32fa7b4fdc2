"""Sort keys of completions on SQLite."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from log10_trace.server.store.sqlite import sort_keys


@given(st.integers(0, 1 << 45), st.integers(0, 1 << 60))
def test_a_position_is_of_its_millisecond(began_ms: int, arrival: int) -> None:
    """Positions order by the moment and fall between the bounds of their millisecond."""
    place = sort_keys.position(began_ms, arrival)

    assert sort_keys.began_ms(place) == began_ms
    assert sort_keys.first_at(began_ms) <= place < sort_keys.first_at(began_ms + 1)


def test_free_places_are_near_and_do_not_run_out() -> None:
    """Places to try stay near the moment at first and reach further each time."""
    tried = list(islice(sort_keys.free_positions(1_000, 0), 12))

    assert tried[0] == sort_keys.position(1_000, 0)
    assert all(1_000 <= sort_keys.began_ms(place) < 1_000 + 2**number for number, place in enumerate(tried))
