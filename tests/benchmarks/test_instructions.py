"""The counts that ``benchmarks/overhead.py --instructions`` makes its table of."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.instructions import Count, count_difference, read_sections
from benchmarks.workloads import WORKLOADS


def test_sections_are_read_in_order_with_all_their_threads(tmp_path: Path) -> None:
    """A section's count is that of the program's own thread, and the sum of all threads."""
    for section, thread, count in ((1, 1, 5), (2, 1, 100), (2, 2, 30), (10, 1, 7), (10, 3, 1)):
        (tmp_path / f"counts.{section}-{thread:02}").write_text(f"events: Ir\ntotals: {count}\n")
    (tmp_path / "spool").mkdir()
    assert read_sections(tmp_path) == [Count(5, 5), Count(100, 130), Count(7, 8)]


@pytest.mark.parametrize("number", range(len(WORKLOADS)))
def test_count_of_one_call_is_the_difference_of_two_counts(number: int) -> None:
    """What the start and the delivery of a batch take is in both counts, and in no call's."""
    (few, many), calls = WORKLOADS[number].counted, WORKLOADS[number].calls
    counts = [Count(1_000 + 30 * runs * calls, 5_000 + 70 * runs * calls) for runs in (few, many)]
    assert count_difference(*counts, number) == Count(30, 70)
