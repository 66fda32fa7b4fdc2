"""Statistics and sources, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg import Connection

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.rollups import LAST_MINUTE, cover_range
from log10_trace.server.store.common.source_reports import report_sources
from log10_trace.server.store.common.usage_statistics import (
    GROUPS,
    MINUTE_MS,
    SERIES_GROUPS,
    WIDTH_OF,
    select_keys,
    statistics,
    steps_of,
    sum_by_key,
    sum_by_step,
)
from log10_trace.server.store.data_types import SourceReport, Statistics, StatisticsQuery
from log10_trace.server.store.postgres import rollup_compaction
from log10_trace.server.store.postgres.connections import ReadPool, Row
from log10_trace.server.store.postgres.index_keys import truncate_key
from log10_trace.server.store.postgres.queries import load

_ARRIVALS: Final = load("arrivals.sql")


class PostgresReports:
    """Counts; see ``protocol.Reports``."""

    def __init__(self, readers: ReadPool, prices: Prices) -> None:
        self._readers = readers
        self.prices = prices

    def statistics(self, organization_id: str, query: StatisticsQuery) -> Statistics:
        """Counts, tokens, cost and percentiles, read from roll-ups."""
        pieces = cover_range(query.since_ms, query.until_ms)
        if not pieces:
            return Statistics(groups=(), series=())
        values = {"organization_id": organization_id, "dimension": query.group_by}
        whole = values | rollup_compaction.bind_ranges(pieces)
        with self._readers.snapshot() as connection:
            asked = select_keys(query)
            keys = list(map(truncate_key, asked)) if asked else _busiest(connection, whole)
            totals = connection.execute(rollup_compaction.SQL["totals"], whole | {"keys": keys}).fetchall()
            shown = keys[:SERIES_GROUPS]
            series = values | _series(query, shown) | {"keys": shown}
            steps = connection.execute(rollup_compaction.SQL["steps"], series).fetchall()
        return statistics(
            sum_by_key(totals), sum_by_step(steps, WIDTH_OF[query.interval]), query, self.prices
        )

    def tags(self, organization_id: str, *, prefix: str = "", limit: int = 100) -> list[str]:
        """The tags in use that begin with ``prefix``."""
        values = {"organization_id": organization_id, "prefix": prefix, "limit": limit}
        return [tag for (tag,) in self._readers.rows(rollup_compaction.SQL["tags"], values)]

    def sources(self, organization_id: str) -> list[SourceReport]:
        """What arrived from each process, and what did not."""
        rows = self._readers.rows(_ARRIVALS["all"], {"organization_id": organization_id})
        return report_sources((name, first, last) for name, first, last in rows)

    def source(self, organization_id: str, source: str) -> SourceReport | None:
        """What arrived from one process; None when nothing did."""
        values = {"organization_id": organization_id, "source": truncate_key(source)}
        rows = self._readers.rows(_ARRIVALS["one"], values)
        return next(iter(report_sources((source, first, last) for _, first, last in rows)), None)


def _busiest(connection: Connection[Row], whole: dict[str, Any]) -> list[str]:
    """The keys with most calls in the whole span."""
    return [key for (key,) in connection.execute(rollup_compaction.SQL["busiest"], whole | {"limit": GROUPS})]


def _series(query: StatisticsQuery, keys: Sequence[str]) -> dict[str, Any]:
    """The span of a series in whole steps."""
    width = WIDTH_OF[query.interval]
    step_ms = width * MINUTE_MS
    return {
        "width": width,
        "start": (query.since_ms or 0) // step_ms * width,
        "end": LAST_MINUTE if query.until_ms is None else -(-query.until_ms // step_ms) * width,
        "length": steps_of(width, keys),
    }
