"""``Reports`` on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.rollups import LAST_MINUTE, WIDTHS, RollupRange, cover_range, minutes_of
from log10_trace.server.store.common.source_reports import report_sources
from log10_trace.server.store.common.usage_statistics import (
    GROUPS,
    MINUTE_MS,
    SERIES_GROUPS,
    WIDTH_OF,
    RollupRow,
    select_keys,
    statistics,
    steps_of,
    sum_by_key,
    sum_by_step,
)
from log10_trace.server.store.data_types import GroupBy, SourceReport, Statistics, StatisticsQuery
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import ReadPool


class SqliteReports:
    """What is counted as records come in."""

    def __init__(self, readers: ReadPool, prices: Prices) -> None:
        self._readers = readers
        self.prices = prices

    def statistics(self, organization_id: str, query: StatisticsQuery) -> Statistics:
        """Counts, tokens, cost and percentiles, read from roll-ups."""
        asked = cover_range(query.since_ms, query.until_ms)
        if not asked:
            return Statistics(groups=(), series=())
        with self._readers.snapshot() as connection:
            stored = RollupReader(connection, organization_id, query.group_by)
            keys = select_keys(query) or stored.busiest(asked)
            totals = sum_by_key(stored.rows(stored.clip_to_data(query), keys, minutes_of(asked)))
            shown = keys[:SERIES_GROUPS]
            span = stored.series_span(query, shown)
            steps = sum_by_step(stored.rows([span], shown, (span.start, span.end)), span.width)
        return statistics(totals, steps, query, self.prices)

    def tags(self, organization_id: str, *, prefix: str = "", limit: int = 100) -> list[str]:
        """The tags in use that begin with ``prefix``."""
        with self._readers.snapshot() as connection:
            values = {"organization_id": organization_id, "prefix": prefix, "limit": limit}
            return [row["key"] for row in connection.execute(SQL["tags_in_use"], values)]

    def sources(self, organization_id: str) -> list[SourceReport]:
        """List the sources (processes) and the records received from each."""
        with self._readers.snapshot() as connection:
            rows = connection.execute(SQL["ranges"], {"organization_id": organization_id}).fetchall()
        return report_sources((row["source"], row["first"], row["last"]) for row in rows)

    def source(self, organization_id: str, source: str) -> SourceReport | None:
        """What arrived from one process."""
        with self._readers.snapshot() as connection:
            values = {"organization_id": organization_id, "source": source}
            rows = connection.execute(SQL["ranges_of_source"], values).fetchall()
        return next(iter(report_sources((source, row["first"], row["last"]) for row in rows)), None)


def read_totals(
    connection: sqlite3.Connection, organization_id: str, dimension: GroupBy, keys: Sequence[str]
) -> dict[str, Aggregate]:
    """The sums over all time of some keys."""
    stored = RollupReader(connection, organization_id, dimension)
    return sum_by_key(stored.rows(cover_range(None, None), keys, (0, LAST_MINUTE)))


class RollupReader:
    """What is kept of one dimension: roll-ups, and deltas that are not folded yet."""

    def __init__(self, connection: sqlite3.Connection, organization_id: str, dimension: GroupBy) -> None:
        self._connection = connection
        self._common = {"organization_id": organization_id, "dimension": dimension}

    def busiest(self, asked: list[RollupRange]) -> list[str]:
        """The keys with most calls; the busiest first."""
        start, end = minutes_of(asked)
        values = {"pieces": json.dumps(asked), "start": start, "end": end, "limit": GROUPS}
        return [row["key"] for row in self._read("busiest_keys", values)]

    def rows(
        self, pieces: Iterable[RollupRange], keys: Sequence[str], minutes: tuple[int, int]
    ) -> Iterator[RollupRow]:
        """The roll-ups of some keys in ``pieces``, and their deltas in ``minutes``."""
        wanted = {"keys": json.dumps(keys)}
        for piece in pieces:
            starts = range(piece.start, piece.end, piece.width or 1)
            yield from self._read(
                "rollups_of_keys", wanted | {"width": piece.width, "starts": json.dumps(list(starts))}
            )
        yield from self._read("deltas_of_keys", wanted | {"start": minutes[0], "end": minutes[1]})

    def clip_to_data(self, query: StatisticsQuery) -> list[RollupRange]:
        """The pieces of the span that is asked for, no further than there are roll-ups."""
        if query.since_ms is None and query.until_ms is None:
            return cover_range(None, None)
        first = self._start("first_start", WIDTHS[0])
        last = self._start("last_start", WIDTHS[0])
        if first is None or last is None:
            return []
        since_ms = max(query.since_ms or 0, first * MINUTE_MS)
        until_ms = (last + 1) * MINUTE_MS
        return cover_range(since_ms, until_ms if query.until_ms is None else min(query.until_ms, until_ms))

    def series_span(self, query: StatisticsQuery, keys: Sequence[str]) -> RollupRange:
        """The span of a series in whole steps: as asked, but no more than the latest that may be given."""
        width = WIDTH_OF[query.interval]
        end = LAST_MINUTE if query.until_ms is None else -(-query.until_ms // (width * MINUTE_MS)) * width
        last = self._start("last_start", width, end) or 0
        end = min(end, last - last % width + width)
        first = (query.since_ms or 0) // (width * MINUTE_MS) * width
        return RollupRange(width, max(first, end - steps_of(width, keys)), end)

    def _start(self, name: str, width: int, end: int = LAST_MINUTE) -> int | None:
        start: int | None = self._read(name, {"width": width, "end": end}).fetchone()["start"]
        return start

    def _read(self, name: str, values: dict[str, Any]) -> sqlite3.Cursor:
        return self._connection.execute(SQL[name], self._common | values)
