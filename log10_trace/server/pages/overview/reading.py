"""Reads what the overview shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from log10_trace.server.pages.overview.span import Span
from log10_trace.server.store.data_types import GroupBy, GroupTotals, SortBy, Statistics, StatisticsQuery
from log10_trace.server.store.protocol import Reports

TABLES: Final[tuple[GroupBy, ...]] = ("call_site", "model", "tag", "session", "failure")
FEW_ROWS: Final = 8
"""Rows of each table where all are shown."""
PERCENTILES: Final[frozenset[SortBy]] = frozenset({"p50", "p95", "first_token_p95"})
"""Columns whose small charts need the percentiles of each step."""
MANY_ROWS: Final = 100
"""Rows of a table that is shown alone."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one table with their series, and the same groups in the span before, by key."""

    found: Statistics
    before: Mapping[str | None, GroupTotals]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the overview shows."""

    span: Span
    sort: SortBy
    total: Statistics
    before: GroupTotals | None
    """None: there was no call."""
    tables: Mapping[GroupBy, Groups]


def read_overview(
    reports: Reports, organization_id: str, span: Span, sort: SortBy, only: GroupBy | None
) -> Overview:
    """The overview of a span; ``only`` is the one table that is wanted, None all."""
    shown = [only] if only else TABLES
    limit = MANY_ROWS if only else FEW_ROWS
    queries = [_query_groups(span, sort=sort, group_by=group_by, limit=limit) for group_by in shown]
    total_query = StatisticsQuery(wanted=span.calls, before=span.calls_before, interval=span.interval)
    total, *tables = reports.statistics_together(organization_id, [total_query, *queries])
    return Overview(
        span=span,
        sort=sort,
        total=total,
        before=next(iter(total.before), None),
        tables={
            group_by: Groups(found, {group.key: group for group in found.before}, len(found.groups) == limit)
            for group_by, found in zip(shown, tables, strict=True)
        },
    )


def _query_groups(span: Span, *, sort: SortBy, group_by: GroupBy, limit: int) -> StatisticsQuery:
    return StatisticsQuery(
        group_by=group_by,
        wanted=span.calls,
        before=span.calls_before,
        interval=span.row_interval,
        sort=sort,
        limit=limit,
        series_groups=limit,
        with_step_percentiles=sort in PERCENTILES,
    )
