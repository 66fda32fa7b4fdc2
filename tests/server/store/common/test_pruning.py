"""The estimate of how many records to delete."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from log10_trace.server.store.common.pruning import count_to_prune


def test_a_database_that_fits_loses_nothing() -> None:
    """At the bound, and with no record left, there is nothing to delete."""
    assert count_to_prune(10, 100, 100) == 0
    assert count_to_prune(10, 99, 100) == 0
    assert count_to_prune(0, 100, 10) == 0


@given(st.integers(1, 10**9), st.integers(0, 10**12), st.integers(1, 10**12))
def test_enough_is_deleted_for_the_rest_to_fit(records: int, size: int, max_bytes: int) -> None:
    """At least one record each time, never more than there are, and enough where all are of one size."""
    count = count_to_prune(records, size, max_bytes)

    assert (count > 0) is (size > max_bytes)
    assert count <= records
    assert size * (records - count) / records <= max_bytes or size <= max_bytes
