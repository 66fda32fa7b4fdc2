"""``Reports`` on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Final

from log10_trace.server.store import ranges
from log10_trace.server.store.answers import SourceReport, Statistics, StatisticsQuery
from log10_trace.server.store.counting import (
    DIMENSION_OF,
    GROUPS,
    MINUTE_MS,
    SERIES_GROUPS,
    SERIES_STEPS,
    WIDTH_OF,
    Sum,
    key_asked,
    statistics,
)
from log10_trace.server.store.prices import Prices
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import Readers
from log10_trace.server.store.tallies import ALL_TIME, LAST_MINUTE, Span, Tally, read_durations, spans

_RANKED: Final = 20 * GROUPS
"""Keys of each piece of a span that are looked at to find the busiest of the whole."""


class SqliteReports:
    """What is counted as records come in."""

    def __init__(self, readers: Readers, prices: Prices) -> None:
        self._readers = readers
        self._prices = prices

    def statistics(self, organization_id: str, query: StatisticsQuery) -> Statistics:
        """Counts, tokens, cost and percentiles, read from roll-ups."""
        dimension = DIMENSION_OF[query.group_by]
        with self._readers.snapshot() as connection:
            read = partial(_read_sums, connection, organization_id, dimension)
            whole = _spans(connection, organization_id, dimension, query)
            key = key_asked(query)
            keys = [key] if key is not None else _busiest(connection, organization_id, dimension, whole)
            totals = [one for span in whole for one in read(span, keys)]
            steps = read(_series_span(connection, organization_id, dimension, query), keys[:SERIES_GROUPS])
            return statistics(totals, steps, query, self._prices)

    def tags(self, organization_id: str, *, prefix: str = "", limit: int = 100) -> list[str]:
        """The tags in use that begin with ``prefix``."""
        with self._readers.snapshot() as connection:
            values = {"organization_id": organization_id, "prefix": prefix, "limit": limit}
            return [row["key"] for row in connection.execute(SQL["tags_in_use"], values)]

    def sources(self, organization_id: str) -> list[SourceReport]:
        """What arrived from each process."""
        with self._readers.snapshot() as connection:
            rows = connection.execute(SQL["ranges"], {"organization_id": organization_id}).fetchall()
        by_source = groupby(rows, key=lambda row: str(row["source"]))
        return [_report(source, list(group)) for source, group in by_source]

    def source(self, organization_id: str, source: str) -> SourceReport | None:
        """What arrived from one process."""
        with self._readers.snapshot() as connection:
            values = {"organization_id": organization_id, "source": source}
            rows = connection.execute(SQL["ranges_of_source"], values).fetchall()
        return _report(source, rows) if rows else None


def read_totals(
    connection: sqlite3.Connection, organization_id: str, dimension: str, keys: Sequence[str]
) -> Iterator[Sum]:
    """The sums over all time of some keys."""
    values = {"organization_id": organization_id, "dimension": dimension, "keys": json.dumps(keys)}
    return map(_sum, connection.execute(SQL["totals_of_keys"], values))


def _read_sums(
    connection: sqlite3.Connection, organization_id: str, dimension: str, span: Span, keys: Sequence[str]
) -> Iterator[Sum]:
    if span.width == ALL_TIME:
        return read_totals(connection, organization_id, dimension, keys)
    values = {
        "organization_id": organization_id,
        "dimension": dimension,
        "width": span.width,
        "starts": json.dumps(list(range(span.start, span.end, span.width))),
        "keys": json.dumps(keys),
    }
    return map(_sum, connection.execute(SQL["rollups_of_keys"], values))


def _spans(
    connection: sqlite3.Connection, organization_id: str, dimension: str, query: StatisticsQuery
) -> list[Span]:
    """The pieces of the span that is asked for, no further than there are roll-ups."""
    if query.since_ms is None and query.until_ms is None:
        return spans(None, None)
    values = {"organization_id": organization_id, "dimension": dimension, "width": 1, "end": LAST_MINUTE}
    first = connection.execute(SQL["first_rollup"], values).fetchone()["start"]
    last = connection.execute(SQL["last_rollup"], values).fetchone()["start"]
    if first is None:
        return []
    since_ms = max(query.since_ms or 0, first * MINUTE_MS)
    until_ms = (last + 1) * MINUTE_MS
    return spans(since_ms, until_ms if query.until_ms is None else min(query.until_ms, until_ms))


def _busiest(
    connection: sqlite3.Connection, organization_id: str, dimension: str, whole: list[Span]
) -> list[str]:
    """The keys with most calls in a span, cut into roll-ups as it is; the busiest first."""
    calls: Counter[str] = Counter()
    values = {"organization_id": organization_id, "dimension": dimension, "limit": _RANKED}
    for span in whole:
        for row in connection.execute(SQL["busiest_keys"], values | span._asdict()):
            calls[row["key"]] += row["calls"]
    return [key for key, _ in calls.most_common(GROUPS)]


def _series_span(
    connection: sqlite3.Connection, organization_id: str, dimension: str, query: StatisticsQuery
) -> Span:
    """The span of a series in whole steps: as asked, but no more than the latest ``SERIES_STEPS``."""
    width = WIDTH_OF[query.interval]
    end = LAST_MINUTE if query.until_ms is None else -(-query.until_ms // (width * MINUTE_MS)) * width
    values = {"organization_id": organization_id, "dimension": dimension, "width": width, "end": end}
    last = connection.execute(SQL["last_rollup"], values).fetchone()["start"]
    end = min(end, (last or 0) + width)
    first = (query.since_ms or 0) // (width * MINUTE_MS) * width
    return Span(width, max(first, end - SERIES_STEPS * width), end)


def _sum(row: sqlite3.Row) -> Sum:
    # By place: by name takes as long as reading the histogram.
    key, model, start, calls, failed, metered, asked, answered, cached, durations = row
    tally = Tally(calls, failed, metered, asked, answered, cached, read_durations(durations))
    return Sum(key, model, start, tally)


def _report(source: str, rows: Sequence[sqlite3.Row]) -> SourceReport:
    arrived = [(row["first"], row["last"]) for row in rows]
    return SourceReport(
        source=source,
        count=ranges.size(arrived),
        last=arrived[-1][1],
        missing=tuple(ranges.gaps(arrived)),
    )
