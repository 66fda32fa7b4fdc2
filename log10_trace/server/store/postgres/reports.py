"""Statistics and sources, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.search_query import check_searches
from log10_trace.server.store.common.source_reports import report_sources
from log10_trace.server.store.common.statistics_of_matches import StatisticsReader
from log10_trace.server.store.data_types import SourceReport, Statistics, StatisticsQuery
from log10_trace.server.store.postgres import rollup_compaction
from log10_trace.server.store.postgres.connections import ReadPool
from log10_trace.server.store.postgres.index_keys import truncate_key
from log10_trace.server.store.postgres.matching_records import read_records
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.postgres.rollup_reader import open_rollups

_ARRIVALS: Final = load("arrivals.sql")


class PostgresReports:
    """Counts; see ``protocol.Reports``."""

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
