"""Sums of groups and of steps of time, from roll-ups and from records. No SQL here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate, aggregate_calls, sum_aggregates
from log10_trace.server.store.common.columns import RecordFacts
from log10_trace.server.store.common.held_rollups import RollupRequest
from log10_trace.server.store.common.rollup_cover import RollupRange
from log10_trace.server.store.common.rollup_reading import RollupReader, is_selection
from log10_trace.server.store.common.rollups import MINUTE_MS, keys
from log10_trace.server.store.common.summed_rollups import RollupRow, RollupRows
from log10_trace.server.store.common.usage_statistics import (
    WIDTH_OF,
    Step,
    count_steps,
    make_groups,
    make_series,
    sum_by_key,
    sum_by_step,
    sum_leading,
)
from log10_trace.server.store.data_types import (
    CompletionFilter,
    GroupBy,
    GroupTotals,
    Statistics,
    StatisticsQuery,
)

_ALL: Final = ("",)
"""The key of the one group of all records."""


class GroupSums:
    """The answer to a query that roll-ups tell, in the making."""

    def __init__(
        self,
        query: StatisticsQuery,
        wanted: CompletionFilter,
        reader: RollupReader,
        *,
        pieces: Sequence[RollupRange],
        keys: Sequence[str] | None,
        edges: Sequence[RecordFacts],
    ) -> None:
        self._query = query
        self._wanted = wanted
        self._reader = reader
        self._pieces = pieces
        self._keys = keys
        self._edges = edges
        """The records of parts of minutes at the ends of the span."""
        self._is_total = query.group_by == "none"
        self._are_steps = _are_steps(pieces, query)
        self._rows = RollupRows()
        self._groups: Sequence[GroupTotals] = ()
        self._shown: Sequence[str] | None = keys
        self._steps: Sequence[RollupRange] = ()

    def list_requests(self) -> list[RollupRequest]:
        """What ``sum_groups`` reads."""
        return self._reader.list_requests(self._pieces, self._keys, are_steps=self._are_steps)

    def sum_groups(self, prices: Prices) -> None:
        """Sum the groups, and choose those whose series are shown."""
        query, reader, names = self._query, self._reader, self._keys
        if self._are_steps:
            self._rows = RollupRows(reader.read_pieces(self._pieces, names))
        else:
            self._rows = reader.read(self._pieces, names)
        totals = sum_by_key(self._rows) if self._is_total else sum_leading(self._rows, query, prices)
        for key, one in sum_records(query.group_by, self._edges, 0)[0].items():
            if self._is_total or not query.keys or key in (names or ()):
                totals[key] = sum_aggregates([*filter(None, [totals.get(key)]), one])
        if self._is_total:
            totals = {"": sum_aggregates(list(totals.values()))}
        self._groups = make_groups(totals, query, prices)
        if not self._is_total:
            self._shown = [group.key or "" for group in self._groups[: query.series_groups]]
        if self._groups and query.series_groups:
            self._steps = self._choose_steps()

    def list_series_requests(self) -> list[RollupRequest]:
        """What ``make`` reads."""
        return self._reader.list_requests(self._steps, self._shown, are_steps=True)

    def make(self, prices: Prices) -> Statistics:
        """The answer, once the groups are summed."""
        query = self._query
        has_others = not (self._is_total or query.keys) and is_selection(query.sort, len(self._keys or ()))
        return Statistics(
            groups=tuple(self._groups),
            series=tuple(self._make_series(prices)),
            counted=self._wanted,
            is_selection=has_others,
        )

    def _choose_steps(self) -> Sequence[RollupRange]:
        """The steps of the series; none where the sums are of them and have been read."""
        width, most = WIDTH_OF[self._query.interval], count_steps(len(self._shown or ()))
        if self._are_steps and self._pieces[0].end - self._pieces[0].start <= width * most:
            return ()
        return self._reader.list_steps(width, self._wanted.since_ms, self._wanted.until_ms, most)

    def _make_series(self, prices: Prices) -> list[GroupTotals]:
        query, shown = self._query, self._shown
        if not (self._groups and query.series_groups):
            return []
        rows: Iterable[RollupRow] = self._rows.added
        if self._steps or not self._are_steps:
            rows = self._reader.read_pieces(self._steps, shown)
        if self._is_total:
            rows = (("", *row[1:]) for row in rows)
        else:
            rows = (row for row in rows if row[0] in (shown or ()))
        steps = sum_by_step(rows, WIDTH_OF[query.interval], with_durations=query.with_step_percentiles)
        return make_series(steps, query, prices)


def sum_records(
    group_by: GroupBy, records: Iterable[RecordFacts], width: int
) -> tuple[dict[str, Aggregate], dict[Step, Aggregate]]:
    """What records add up to, by group, and by group and step of ``width`` minutes."""
    by_step: dict[Step, list[RecordFacts]] = {}
    for record in records:
        minute = record.began_ms // MINUTE_MS
        start = minute - minute % width if width else 0
        for key in _ALL if group_by == "none" else _list_keys(record, group_by):
            if (key, start) in by_step:
                by_step[key, start].append(record)
            else:
                by_step[key, start] = [record]
    steps = {step: aggregate_calls(each) for step, each in by_step.items()}
    by_key: dict[str, list[Aggregate]] = {}
    for (key, _), one in steps.items():
        by_key.setdefault(key, []).append(one)
    totals = {key: sum_aggregates(each) for key, each in by_key.items()}
    return totals, steps if width else {}


def _list_keys(record: RecordFacts, group_by: GroupBy) -> Sequence[str]:
    return [key for dimension, key in keys(record) if dimension == group_by]


def _are_steps(pieces: Sequence[RollupRange], query: StatisticsQuery) -> bool:
    """Whether the roll-ups of a span are the steps of its series as well."""
    widths = [piece.width for piece in pieces]
    return bool(query.series_groups) and widths == [WIDTH_OF[query.interval]]
