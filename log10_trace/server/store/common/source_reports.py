"""What arrived from each process, from the ranges of its sequence numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from log10_trace.domain.ranges import count, merge_ranges, missing_ranges
from log10_trace.server.store.data_types import SourceReport


def report_sources(ranges: Iterable[tuple[str, int, int]]) -> list[SourceReport]:
    """A report on each source from its ranges: source, first, last; those of a source side by side."""
    return [
        _report(source, [(first, last) for _, first, last in group])
        for source, group in groupby(ranges, key=lambda row: row[0])
    ]


def _report(source: str, ranges: list[tuple[int, int]]) -> SourceReport:
    arrived = merge_ranges(ranges)
    return SourceReport(
        source=source,
        count=count(arrived),
        last=arrived[-1][1],
        missing=tuple(missing_ranges(arrived)),
    )
