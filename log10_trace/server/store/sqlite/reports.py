"""``Reports`` on SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.search_query import check_searches
from log10_trace.server.store.common.source_reports import report_sources
from log10_trace.server.store.common.statistics_of_matches import StatisticsReader
from log10_trace.server.store.data_types import SourceReport, Statistics, StatisticsQuery
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.matching_records import read_records
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.rollup_reader import open_rollups


class SqliteReports:
    """What is counted as records come in."""

    def __init__(self, readers: ReadPool, prices: Prices) -> None:
        self._readers = readers
        self.prices = prices

    def statistics(self, organization_id: str, query: StatisticsQuery) -> Statistics:
        """Counts, tokens, cost and percentiles of what matches, or of more where that would take too long."""
        return self.statistics_together(organization_id, [query])[0]

    def statistics_together(
        self, organization_id: str, queries: Sequence[StatisticsQuery]
    ) -> list[Statistics]:
        """The answers to several queries at one moment."""
        check_searches(query.wanted for query in queries)
        with self._readers.snapshot() as connection:
            read_some = partial(read_records, connection, organization_id)
            return StatisticsReader(
                open_rollups(connection, organization_id), read_some, self.prices
            ).read_all(queries)

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
