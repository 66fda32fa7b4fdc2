"""What arrived from each process."""

from __future__ import annotations

from log10_trace.server.store.common.source_reports import report_sources
from log10_trace.server.store.data_types import SourceReport


def test_each_source_is_reported_from_all_its_ranges() -> None:
    """Ranges that touch or overlap are one; the gaps before, between and not behind them are missing."""
    ranges = [("a", 1, 3), ("a", 4, 5), ("b", 3, 4), ("b", 4, 6), ("b", 9, 9)]

    assert report_sources(ranges) == [
        SourceReport(source="a", count=5, last=5, missing=()),
        SourceReport(source="b", count=5, last=9, missing=((1, 2), (7, 8))),
    ]


def test_nothing_arrived_is_no_report() -> None:
    """A source without a range is not there."""
    assert report_sources([]) == []
