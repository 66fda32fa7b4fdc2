"""Counts records that match a filter, on SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.match_counting import RollupGroup, count_matches
from log10_trace.server.store.data_types import CompletionFilter, MatchCount
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.filter_sql import BoundQuery, count_positions
from log10_trace.server.store.sqlite.readers import ReadConnection
from log10_trace.server.store.sqlite.rollup_reader import open_rollups
from log10_trace.server.store.sqlite.tag_exclusion import split_by_time

_HALVES: Final = 6
"""How often the positions are halved. SQLite counts the newest 64th first, then as many as before each time:
something is known when the time is up."""


def count_records(
    connection: ReadConnection, organization_id: str, wanted: CompletionFilter, timeout_s: float
) -> MatchCount:
    """How many records match, counted for ``timeout_s`` seconds of processor time at most."""
    scan = _Scan(connection, organization_id, timeout_s)
    return count_matches(wanted, partial(_read_group, connection, organization_id), scan)


def _read_group(
    connection: ReadConnection, organization_id: str, group: RollupGroup, wanted: CompletionFilter
) -> Aggregate:
    reader = open_rollups(connection, organization_id).open(group.group_by)
    return reader.sum_group(group.key, wanted.since_ms, wanted.until_ms)


@dataclass(slots=True)
class _Scan:
    """Counts records one by one; all calls of it share the time."""

    connection: ReadConnection
    organization_id: str
    left_s: float

    def __call__(self, wanted: CompletionFilter) -> MatchCount:
        calls, began = 0, time.thread_time()
        try:
            with self.connection.spend_at_most(self.left_s):
                for part in split_by_time(self.connection, self.organization_id, wanted, "newest"):
                    query = count_positions(self.organization_id, part, count=self._count)
                    if "found" in query.values:
                        calls += self._count(query)
                        continue
                    for low, high in self._cut(query.values["low"], query.values["high"]):
                        calls += self._count(
                            query._replace(values={**query.values, "low": low, "high": high})
                        )
        except TimeoutError:
            return MatchCount(calls=calls, is_exact=False)
        finally:
            self.left_s = max(self.left_s - (time.thread_time() - began), 0.0)
        return MatchCount(calls=calls, is_exact=True)

    def _count(self, query: BoundQuery) -> int:
        return int(self.connection.execute(query.text, query.values).fetchone()[0])

    def _cut(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        values = {"organization_id": self.organization_id}
        first, last = self.connection.execute(SQL["position_bounds"], values).fetchone()
        return iter(()) if first is None else cut_positions(max(low, first), min(high, last))


def cut_positions(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Parts of a range, both ends included; the newest and smallest comes first."""
    length, end = high - low + 1, high
    for half in range(_HALVES, -1, -1):
        start = high + 1 - (length >> half)
        if start <= end and length > 0:
            yield start, end
            end = start - 1
