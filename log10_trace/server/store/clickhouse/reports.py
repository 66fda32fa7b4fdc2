"""``Reports`` on ClickHouse: figures of just the calls that were asked for, however many."""

from __future__ import annotations

from collections.abc import Sequence

from log10_trace.domain.prices import Prices
from log10_trace.server.store.clickhouse.completions import complete_words
from log10_trace.server.store.clickhouse.connections import Connection, ReadPool
from log10_trace.server.store.clickhouse.filter_sql import build_where
from log10_trace.server.store.clickhouse.statistics import GroupReader
from log10_trace.server.store.common.search_query import check_searches
from log10_trace.server.store.common.source_reports import report_sources
from log10_trace.server.store.common.usage_statistics import (
    WIDTH_OF,
    count_steps,
    make_groups,
    make_series,
    read_with_before,
)
from log10_trace.server.store.data_types import GroupTotals, SourceReport, Statistics, StatisticsQuery


class ClickHouseReports:
    """See ``protocol.Reports``."""

    def __init__(self, readers: ReadPool, prices: Prices) -> None:
        self._readers = readers
        self.prices = prices

    def statistics(self, organization_id: str, query: StatisticsQuery) -> Statistics:
        """Counts, tokens, cost and percentiles of what matches."""
        return self.statistics_together(organization_id, [query])[0]

    def statistics_together(
        self, organization_id: str, queries: Sequence[StatisticsQuery]
    ) -> list[Statistics]:
        """The answers to several queries, one after the other: the engine has no snapshot of several."""
        check_searches(query.wanted for query in queries)
        with self._readers.connection() as connection:
            return read_with_before(
                queries, lambda some: [self._read(connection, organization_id, query) for query in some]
            )

    def tags(self, organization_id: str, *, prefix: str = "", limit: int = 100) -> list[str]:
        """The tags in use that begin with ``prefix``."""
        values = {"organization_id": organization_id, "prefix": prefix, "limit": limit}
        return [tag for (tag,) in self._readers.rows("tags", values)]

    def sources(self, organization_id: str) -> list[SourceReport]:
        """What arrived from each process."""
        rows = self._readers.rows("ranges", {"organization_id": organization_id, "source": ""})
        return report_sources((source, first, last) for source, first, last in rows)

    def source(self, organization_id: str, source: str) -> SourceReport | None:
        """What arrived from one process."""
        rows = self._readers.rows("ranges", {"organization_id": organization_id, "source": source})
        reports = report_sources((name, first, last) for name, first, last in rows)
        return next((report for report in reports if report.source == source), None)

    def _read(self, connection: Connection, organization_id: str, query: StatisticsQuery) -> Statistics:
        where = build_where(organization_id, complete_words(connection, organization_id, query.counted))
        reader = GroupReader(connection, where, query.group_by)
        is_total = query.group_by == "none"
        if is_total:
            keys = None
        else:
            keys = list(query.keys) or reader.find_leading(query.sort, query.limit, self.prices)
        groups = make_groups(reader.sum_groups(keys), query, self.prices)
        shown = None if is_total else [group.key or "" for group in groups[: query.series_groups]]
        series = self._read_series(reader, query, shown) if groups and query.series_groups else []
        return Statistics(groups=tuple(groups), series=tuple(series), counted=query.counted)

    def _read_series(
        self, reader: GroupReader, query: StatisticsQuery, keys: Sequence[str] | None
    ) -> list[GroupTotals]:
        """The latest steps of the groups that are shown, as many as a series may have."""
        last = reader.read_last_minute()
        if last is None:
            return []
        width = WIDTH_OF[query.interval]
        end = (last // width + 1) * width
        first = max(end - count_steps(len(keys or ())) * width, 0)
        steps = reader.sum_steps(keys, width=width, first=first, with_durations=query.with_step_percentiles)
        return make_series(steps, query, self.prices)
