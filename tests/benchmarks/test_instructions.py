"""The counts that ``benchmarks/overhead.py --instructions`` makes its table of."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.instructions import count_difference, read_sections
from benchmarks.workloads import WORKLOADS


@pytest.mark.parametrize("thread", ["", "-01"])
def test_sections_are_read_in_order(tmp_path: Path, thread: str) -> None:
    """The counts of the program's own thread, or of all, come in the order of the sections."""
    for section, count in ((1, 5), (2, 100), (10, 7)):
        (tmp_path / f"counts.{section}{thread}").write_text(f"events: Ir\ntotals: {count}\n")
    (tmp_path / "counts.2-02").write_text("events: Ir\ntotals: 1000\n")
    (tmp_path / "spool").mkdir()
    assert read_sections(tmp_path) == [5, 100, 7]


@pytest.mark.parametrize("number", range(len(WORKLOADS)))
def test_count_of_one_call_is_the_difference_of_two_counts(number: int) -> None:
    """What the start and the delivery of a batch take is in both counts, and in no call's."""
    few, many = (5_000 + 70 * runs * WORKLOADS[number].calls for runs in WORKLOADS[number].counted)
    assert count_difference(few, many, number) == 70
