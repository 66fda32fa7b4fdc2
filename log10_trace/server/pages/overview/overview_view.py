"""What the overview shows: figures and rows with their change, charts, and where each number leads. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from log10_trace.domain import formatting
from log10_trace.server.pages.chart import Chart
from log10_trace.server.pages.overview.charts import make_charts
from log10_trace.server.pages.overview.columns import COLUMNS, Number, make_number
from log10_trace.server.pages.overview.reading import TABLES, Overview
from log10_trace.server.pages.overview.tables import (
    Table,
    choose_trend,
    make_row_slots,
    make_table,
    table_titles,
)
from log10_trace.server.pages.urls import HOME, PageURL
from log10_trace.server.store.common.metadata_labels import is_dimension
from log10_trace.server.store.data_types import GroupTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewView:
    """Everything that the page shows."""

    figures: tuple[Number, ...]
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    sort: str
    sorts: tuple[tuple[str, str, str], ...]
    """Column, title and the address of the page sorted by it."""
    before: str
    """The span before, in words."""
    trend_title: str


def overview_view(overview: Overview, address: PageURL) -> OverviewView:
    """The view of the page at ``address``."""
    span = overview.span
    calls = PageURL(HOME, tuple(span.params.items()))
    total = next(iter(overview.total.groups), None)
    before = span.calls_before
    sorts = tuple(
        (column.sort, column.title, str(address.with_param("sort", column.sort))) for column in COLUMNS
    )
    trend = choose_trend(overview.sort)
    row_slots = make_row_slots(span)
    return OverviewView(
        figures=_figures(total, overview.before, calls) if total else (),
        charts=make_charts(overview, address) if total else (),
        tables=tuple(
            make_table(group_by, groups, overview, slots=row_slots, address=address, calls=calls)
            for group_by, groups in overview.tables.items()
            if groups.found.groups
        ),
        sort=overview.sort,
        sorts=(*sorts, ("key", "Name", str(address.with_param("sort", "key")))),
        before=f"{formatting.clock(before.since_ms or 0)} to {formatting.clock(before.until_ms or 0)}",
        trend_title=f"{trend.title} by {span.row_interval}",
    )


def _figures(total: GroupTotals, before: GroupTotals | None, calls: PageURL) -> tuple[Number, ...]:
    numbers = []
    for column in COLUMNS:
        note, is_bad = "", False
        if column.sort == "failed":
            note, is_bad = formatting.percent(total.failed, total.calls), total.failed > 0
        elif column.sort == "tokens":
            note = (
                " in, ".join(map(formatting.compact_number, (total.input_tokens, total.output_tokens)))
                + " out"
            )
        elif column.sort == "cost" and total.unpriced:
            note = f"without {formatting.count_calls(total.unpriced)} of unknown price"
        elif column.sort == "first_token_p95":
            note = f"median {formatting.duration(total.first_token_p50)}"
        numbers.append(make_number(column, total, before, calls, note=note, is_bad=is_bad))
    return tuple(numbers)


def list_table_links(address: PageURL, only: str) -> tuple[tuple[str, str, bool], ...]:
    """Title, address and whether it is chosen, of all tables together and of each alone."""
    tables = (*TABLES, only) if is_dimension(only) else TABLES
    together = ("All", str(address.without_param("by")), not only)
    return (
        together,
        *((table_titles(each)[0], str(address.with_param("by", each)), each == only) for each in tables),
    )
