"""The tables of the overview: a row a group, with its numbers and a small chart over time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from log10_trace.server.pages.chart_axis import Axis, make_axis
from log10_trace.server.pages.overview.columns import COLUMNS, Column, Number, make_number
from log10_trace.server.pages.overview.links import group_params, group_title
from log10_trace.server.pages.overview.reading import Groups, Overview
from log10_trace.server.pages.urls import HOME, PageURL, session_path
from log10_trace.server.store.data_types import GroupBy, GroupTotals, SortBy

TITLES: Final[dict[GroupBy, tuple[str, str]]] = {
    "call_site": ("Call sites", "Call site"),
    "model": ("Models", "Model"),
    "tag": ("Tags", "Tag"),
    "session": ("Sessions", "Session"),
    "failure": ("Failures", "Failure"),
}
TREND_HEIGHT: Final = 22


@dataclass(frozen=True, slots=True)
class TrendBar:
    """One step of the small chart in a row, in pixels of its height and per cent of its width."""

    x: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A group: its name, the address of its calls or of its page, its numbers."""

    name: str
    address: str
    numbers: tuple[Number, ...]
    trend: tuple[TrendBar, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The groups of one kind, sorted."""

    group_by: str
    title: str
    name: str
    rows: tuple[Row, ...]
    address: str
    """The address of this table alone; empty where it stands alone, or has no more rows."""


def make_table(
    group_by: GroupBy, groups: Groups, overview: Overview, address: PageURL, calls: PageURL
) -> Table:
    """The table of one kind of groups; ``calls`` is the list of all calls of the span."""
    axis = make_axis(
        overview.span.row_interval,
        since_ms=overview.span.since_ms,
        until_ms=overview.span.until_ms,
        now_ms=overview.span.now_ms,
    )
    title, name = TITLES[group_by]
    is_alone = len(overview.tables) == 1
    return Table(
        group_by=group_by,
        title=title,
        name=name,
        rows=tuple(
            _row(group_by, group, groups, sort=overview.sort, axis=axis, calls=calls)
            for group in groups.found.groups
        ),
        address="" if is_alone or not groups.has_more else str(address.with_param("by", group_by)),
    )


def _row(
    group_by: GroupBy, group: GroupTotals, groups: Groups, *, sort: SortBy, axis: Axis, calls: PageURL
) -> Row:
    key = group.key or ""
    conditions = group_params(group_by, key)
    of_group = None if conditions is None else PageURL(HOME, (*conditions, *calls.pairs))
    before = groups.before.get(group.key)
    numbers = tuple(
        make_number(column, group, before, of_group, is_bad=column.sort == "failed" and group.failed > 0)
        for column in COLUMNS
    )
    return Row(
        name=group_title(group_by, key),
        address=session_path(key) if group_by == "session" else str(of_group or ""),
        numbers=numbers,
        trend=_trend(group, groups, sort, axis),
    )


def choose_trend(sort: SortBy) -> Column:
    """What the small charts show: what the rows are sorted by, or their cost."""
    return next((column for column in COLUMNS if column.sort == sort), COLUMNS[0])


def _trend(group: GroupTotals, groups: Groups, sort: SortBy, axis: Axis) -> tuple[TrendBar, ...]:
    column = choose_trend(sort)
    steps = {step.start_ms: step for step in groups.found.series if step.key == group.key}
    figures = {start: column.figure(step) or 0.0 for start, step in steps.items()}
    highest = max(figures.values(), default=0.0) or 1.0
    return tuple(
        TrendBar(
            x=round(100 * axis.x(start), 2),
            width=round(88 * (axis.x(axis.end_of(start)) - axis.x(start)), 2),
            height=round(max(TREND_HEIGHT * figures[start] / highest, 1.0), 1),
            text=f"{axis.name_step(start)}: {column.format(steps[start])}",
        )
        for start in axis.starts
        if figures.get(start)
    )
