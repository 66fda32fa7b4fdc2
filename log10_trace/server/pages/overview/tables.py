"""The tables of the overview: a row a group, with its numbers and a small chart over time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from log10_trace.server.pages.chart import Bar, Slot, make_slots
from log10_trace.server.pages.chart_axis import make_axis
from log10_trace.server.pages.overview.columns import COLUMNS, Column, Number, make_number
from log10_trace.server.pages.overview.links import group_params, group_title
from log10_trace.server.pages.overview.reading import Groups, Overview
from log10_trace.server.pages.overview.span import Span
from log10_trace.server.pages.urls import HOME, PageURL, session_path
from log10_trace.server.store.common.metadata_labels import is_dimension, key_of_dimension
from log10_trace.server.store.data_types import GroupBy, GroupTotals, SortBy

TITLES: Final[dict[GroupBy, tuple[str, str]]] = {
    "call_site": ("Call sites", "Call site"),
    "model": ("Models", "Model"),
    "tag": ("Tags", "Tag"),
    "session": ("Sessions", "Session"),
    "failure": ("Failures", "Failure"),
}
TREND_HEIGHT: Final = 22


class Row(NamedTuple):
    """A group: its name, the address of its calls or of its page, its numbers."""

    name: str
    address: str
    numbers: tuple[Number, ...]
    trend: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The groups of one kind, sorted."""

    group_by: str
    title: str
    name: str
    rows: tuple[Row, ...]
    address: str
    """The address of this table alone; empty where it stands alone, or has no more rows."""
    note: str
    """Of which groups the rows are the first, where that is not plain; else empty."""


def table_titles(group_by: GroupBy) -> tuple[str, str]:
    """The title of a table and of its first column."""
    if is_dimension(group_by):
        key = key_of_dimension(group_by)
        return f"Metadata: {key}", key
    return TITLES[group_by]


def make_table(
    group_by: GroupBy,
    groups: Groups,
    overview: Overview,
    *,
    slots: Sequence[Slot],
    address: PageURL,
    calls: PageURL,
) -> Table:
    """The table of one kind of groups; ``calls`` is the list of all calls of the span."""
    column = choose_trend(overview.sort)
    steps: dict[str | None, dict[int | None, GroupTotals]] = {}
    for step in groups.found.series:
        steps.setdefault(step.key, {})[step.start_ms] = step
    title, name = table_titles(group_by)
    is_alone = len(overview.tables) == 1
    return Table(
        group_by=group_by,
        title=title,
        name=name,
        rows=tuple(
            _row(group_by, group, groups, trend=_trend(steps.get(group.key, {}), column, slots), calls=calls)
            for group in groups.found.groups
        ),
        address="" if is_alone or not groups.has_more else str(address.with_param("by", group_by)),
        note=_describe_rows(groups, overview.sort, is_alone=is_alone),
    )


def _describe_rows(groups: Groups, sort: SortBy, *, is_alone: bool) -> str:
    """Of which groups the rows are the first."""
    if groups.found.is_selection:
        leading = "have most calls" if sort == "key" else "cost most and those that have most calls"
        return f"Sorted among a hundred groups: those that {leading}."
    if is_alone and groups.has_more:
        return f"The hundred that {'cost most' if sort == 'cost' else 'have most calls'}."
    return ""


def _row(
    group_by: GroupBy, group: GroupTotals, groups: Groups, *, trend: tuple[Bar, ...], calls: PageURL
) -> Row:
    key = group.key or ""
    conditions = group_params(group_by, key)
    of_group = None if conditions is None else PageURL(HOME, (*conditions, *calls.pairs))
    before = groups.before.get(group.key)
    address = str(of_group or "")
    numbers = tuple(
        make_number(
            column,
            group,
            before,
            of_group,
            address=address,
            is_bad=column.sort == "failed" and group.failed > 0,
        )
        for column in COLUMNS
    )
    return Row(
        name=group_title(group_by, key),
        address=session_path(key) if group_by == "session" else address,
        numbers=numbers,
        trend=trend,
    )


def choose_trend(sort: SortBy) -> Column:
    """What the small charts show: what the rows are sorted by, or their cost."""
    return next((column for column in COLUMNS if column.sort == sort), COLUMNS[0])


def make_row_slots(span: Span) -> tuple[Slot, ...]:
    """The steps of the small charts."""
    axis = make_axis(span.row_interval, since_ms=span.since_ms, until_ms=span.until_ms, now_ms=span.now_ms)
    return make_slots(axis, lambda _since, _until: "")


def _trend(steps: Mapping[int | None, GroupTotals], column: Column, slots: Sequence[Slot]) -> tuple[Bar, ...]:
    figures = {start: column.figure(step) or 0.0 for start, step in steps.items()}
    highest = max(figures.values(), default=0.0) or 1.0
    # Arguments in the order of the fields: names take twice the time.
    return tuple(
        [
            Bar(
                slot.x,
                round(0.88 * slot.width, 3),
                round(max(TREND_HEIGHT * figures[slot.start_ms] / highest, 1.0), 1),
                f"{slot.label}: {column.format(steps[slot.start_ms])}",
            )
            for slot in slots
            if figures.get(slot.start_ms)
        ]
    )
