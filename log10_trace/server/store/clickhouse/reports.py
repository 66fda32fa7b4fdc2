"""``Reports`` on ClickHouse: figures of just the calls that were asked for, however many."""

from __future__ import annotations

from collections.abc import Sequence

from log10_trace.domain.prices import Prices
from log10_trace.server.store.clickhouse.completions import complete_words
from log10_trace.server.store.clickhouse.connections import Connection, ReadPool
from log10_trace.server.store.clickhouse.day_sums import read_day_sums
from log10_trace.server.store.clickhouse.filter_sql import build_where
from log10_trace.server.store.clickhouse.matching_rows import write_few
from log10_trace.server.store.clickhouse.statistics import ORDERS, GroupReader, Steps
from log10_trace.server.store.clickhouse.value_lists import is_one_piece
from log10_trace.server.store.common.search_query import check_searches
from log10_trace.server.store.common.source_reports import report_sources
from log10_trace.server.store.common.usage_statistics import (
    WIDTH_OF,
    count_steps,
    make_groups,
    make_series,
    read_with_before,
)
from log10_trace.server.store.data_types import SourceReport, Statistics, StatisticsQuery


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
        of_few = "" if query.counted.is_span else write_few(connection, where)
        sums = read_day_sums(connection, organization_id, query.counted, query.group_by)
        reader = GroupReader(connection, where, query.group_by, of_few=of_few, sums=sums)
        keys = None
        if query.group_by != "none":
            keys = list(query.keys) or reader.find_leading(query.sort, query.limit, self.prices)
        is_told = keys is None or (query.sort in ORDERS and is_one_piece(keys[: query.series_groups]))
        steps = _choose_steps(reader, query, keys) if is_told else None
        totals, by_step = reader.sum_groups(keys, steps)
        groups = make_groups(totals, query, self.prices)
        if groups and keys is not None and query.series_groups:
            shown = [group.key or "" for group in groups[: query.series_groups]]
            asked = steps.keys or () if steps is not None else ()
            if not set(shown) <= set(asked) or count_steps(len(shown)) != count_steps(len(asked)):
                # The figures alone say which groups come first, their keys are too long to be sent twice, or
                # some that were asked for have no calls.
                steps = _choose_steps(reader, query, shown)
                by_step = reader.sum_groups(shown, steps and steps._replace(keys=None))[1]
            by_step = {step: one for step, one in by_step.items() if step[0] in shown}
        series = make_series(by_step, query, self.prices)
        return Statistics(groups=tuple(groups), series=tuple(series), counted=query.counted)


def _choose_steps(reader: GroupReader, query: StatisticsQuery, keys: Sequence[str] | None) -> Steps | None:
    """The latest steps of the first of some groups (None: of all), as many as a series may have."""
    shown = None if keys is None else keys[: query.series_groups]
    last = reader.read_last_minute() if query.series_groups else None
    if last is None:
        return None
    width = WIDTH_OF[query.interval]
    end = (last // width + 1) * width
    first = max(end - count_steps(len(shown or ())) * width, 0)
    return Steps(width, first, shown, query.with_step_percentiles)
