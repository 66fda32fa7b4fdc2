"""Sort keys of completions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.server.store.common.paging import FIRST, LAST
from log10_trace.server.store.common.sort_keys import SortKeyFormat
from log10_trace.server.store.postgres import partitioning as postgres
from log10_trace.server.store.sqlite import sort_keys as sqlite

FORMATS = pytest.mark.parametrize("keys", [sqlite.SORT_KEYS, postgres.SORT_KEYS], ids=["sqlite", "postgres"])


@FORMATS
@given(began_ms=st.integers(0, (1 << 43) - 1), arrival=st.integers(0, 1 << 60))
def test_a_sort_key_is_of_its_millisecond(keys: SortKeyFormat, began_ms: int, arrival: int) -> None:
    """Sort keys order by the moment and fall between the bounds of their millisecond."""
    sort_key = keys.make(began_ms, arrival)

    assert keys.began_ms(sort_key) == began_ms
    assert keys.first_of(began_ms) <= sort_key < keys.first_of(began_ms) + keys.per_millisecond
    assert sort_key < keys.first_of(began_ms + 1) or keys.first_of(began_ms + 1) == LAST


@FORMATS
def test_bounds_of_any_moment_are_integers_of_the_database(keys: SortKeyFormat) -> None:
    """A moment before 1970, or further off than a sort key can hold, bounds a span all the same."""
    assert keys.first_of(-1) == FIRST
    assert keys.first_of(1 << 62) == LAST


def test_the_formats_on_disk_do_not_change() -> None:
    """Sort keys are stored, so that their bits are fixed."""
    assert (sqlite.SORT_KEYS.make(1, 2), postgres.SORT_KEYS.make(1, 2)) == ((1 << 8) + 2, (1 << 20) + 2)
