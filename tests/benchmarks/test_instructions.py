"""The counts that ``benchmarks/overhead.py --instructions`` makes its table of."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.instructions import Count, count_difference, read_sections
from benchmarks.workloads import WORKLOADS


def test_sections_are_read_in_order(tmp_path: Path) -> None:
    """A section is the calls and the flush of the program's own thread, and all that the others took."""
    dumps = ({"01": 9}, {"01": 100}, {"01": 20}, {"01": 5_000, "02": 300, "03": 4})
    for section in range(3):
        for at, threads in enumerate(dumps):
            for thread, count in threads.items():
                name = f"counts.{section * len(dumps) + at + 1}-{thread}"
                (tmp_path / name).write_text(f"events: Ir\ntotals: {count * (section + 1)}\n")
    (tmp_path / "counts-01").write_text("what the program took behind the last section")
    (tmp_path / "spool").mkdir()
    assert read_sections(tmp_path) == [Count(100, 424), Count(200, 848), Count(300, 1_272)]


@pytest.mark.parametrize("number", range(len(WORKLOADS)))
def test_count_of_one_call_is_the_difference_of_two_counts(number: int) -> None:
    """What the delivery of a batch takes is in both counts, and in no call's."""
    few, many = (runs * WORKLOADS[number].calls for runs in WORKLOADS[number].counted)
    counts = [Count(200 + 70 * calls, 5_000 + 90 * calls) for calls in (few, many)]
    assert count_difference(*counts, number) == Count(70, 90)
