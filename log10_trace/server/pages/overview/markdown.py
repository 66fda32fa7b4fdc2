"""The overview of a span as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from log10_trace.domain import formatting
from log10_trace.domain.markdown_text import escape_markdown
from log10_trace.server.pages.chart import Chart
from log10_trace.server.pages.overview.columns import Number
from log10_trace.server.pages.overview.overview_view import OverviewView
from log10_trace.server.pages.overview.span import Span


def overview_markdown(span: Span, view: OverviewView) -> str:
    """The figures, the tables and the steps of the charts of a span."""
    return "\n".join(_lines(span, view))


def _lines(span: Span, view: OverviewView) -> Iterator[str]:
    yield "# Overview\n"
    yield f"{formatting.clock(span.since_ms)} to {formatting.clock(span.end_ms)}\n"
    if not view.figures:
        yield "No call in this span of time.\n"
        return
    yield f"Changes are against the span before, {view.before}.\n"
    yield from _table_head(["Figure", "Value", "Note"], numbers=0)
    for figure in view.figures:
        yield _row([figure.title, _write_number(figure), figure.note])
    for table in view.tables:
        yield f"\n## {table.title}\n"
        yield from _table_head([table.name, *(title for _, title, _ in view.sorts[:-1])], numbers=1)
        for row in table.rows:
            yield _row([row.name, *map(_write_number, row.numbers)])
    yield "\n## Over time\n"
    yield from _step_lines(view.charts)
    yield ""


def _step_lines(charts: Sequence[Chart]) -> Iterator[str]:
    titles = [
        chart.title if len(chart.layers) == 1 else f"{chart.title}, {layer.name}"
        for chart in charts
        for layer in chart.layers
    ]
    yield from _table_head(["Time", *titles], numbers=1)
    for steps in zip(*(reversed(chart.steps) for chart in charts), strict=True):
        yield _row([steps[0].label, *(value for step in steps for _, value in step.values)])


def _write_number(number: Number) -> str:
    return f"{number.value} ({number.change.text})" if number.change else number.value


def _table_head(titles: Sequence[str], *, numbers: int) -> Iterator[str]:
    """The titles of columns; those behind the first ``numbers`` hold numbers, none do for 0."""
    yield _row(titles)
    yield f"|{'|'.join('--:' if numbers and place >= numbers else '---' for place in range(len(titles)))}|"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escape_markdown, cells))} |"
