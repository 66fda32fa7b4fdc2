"""Draws the parts of charts that repeat with every step. Pure.

A page has up to a thousand steps: written here they take a fifth of the time that a template takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from log10_trace.server.pages.chart import Bar, Chart
from log10_trace.server.pages.sanitize import escape_html

_BETWEEN_CELLS: Final = '</td><td class="number">'
_BETWEEN_STEPS: Final = "\n\n"
_PLACES: Final = 4_096
"""Places of steps that are kept drawn: the charts of a page have the same."""
_ADDRESSES: Final = 1_024
_SHORT: Final = 1_000
"""Characters of an address that is kept: conditions may have many thousands."""


def draw_steps(chart: Chart, root: str) -> Markup:
    """The steps of a chart: a link with its bars and its text for each."""
    start = escape_html(root)
    hatch = f' fill="url(#{escape_html(chart.id)}-hatch)"'
    hit = f'y="{chart.top}" height="{chart.height}"/>'
    # No text holds an empty line: all are escaped at once.
    texts = escape_html(_BETWEEN_STEPS.join([step.text for step in chart.steps])).split(_BETWEEN_STEPS)
    drawn = []
    for step, text in zip(chart.steps, texts, strict=True):
        place, bar = _draw_place(step.x, step.width)
        bars = [
            f'<rect class="is-{mark.style}" {bar} y="{mark.y}" height="{mark.height}"'
            f"{hatch if mark.style == 'failed' else ''}/>"
            for mark in step.marks
        ]
        drawn.append(
            f'<a class="step" href="{start}{_escape_address(step.address)}" tabindex="-1">'
            f"<title>{text}</title>"
            f'<rect class="hit" {place} {hit}{"".join(bars)}</a>\n'
        )
    return Markup("".join(drawn))  # noqa: S704 -- all text in it was escaped


def draw_table_rows(charts: Sequence[Chart], root: str) -> Markup:
    """The rows of the table of charts with the same axis, the latest step first."""
    start = escape_html(root)
    drawn = []
    for steps in zip(*(reversed(chart.steps) for chart in charts), strict=True):
        # No value holds a line feed: all are escaped at once.
        values = escape_html("\n".join([value for step in steps for _, value in step.values]))
        cells = values.replace("\n", _BETWEEN_CELLS)
        link = f'<a href="{start}{escape_html(steps[0].address)}">{escape_html(steps[0].label)}</a>'
        drawn.append(f'<tr><th scope="row">{link}</th><td class="number">{cells}</td></tr>\n')
    return Markup("".join(drawn))  # noqa: S704 -- as above


def draw_trend(bars: Sequence[Bar], height: int) -> Markup:
    """The bars, one at least, of a small chart that is ``height`` pixels high."""
    # No text holds a bar: all are escaped at once.
    texts = escape_html("|".join([bar.text for bar in bars])).split("|")
    drawn = [
        f'<rect {_draw_extent(bar.x, bar.width)} y="{round(height - bar.height, 1)}"'
        f' height="{bar.height}"><title>{text}</title></rect>'
        for bar, text in zip(bars, texts, strict=True)
    ]
    return Markup("".join(drawn))  # noqa: S704 -- as above


@lru_cache(_PLACES)
def _draw_place(x: float, width: float) -> tuple[str, str]:
    """Where a step lies, and its bar, which leaves room to the next."""
    bar_x, bar_width = round(x + 0.06 * width, 3), round(0.88 * width, 3)
    return _draw_extent(x, width), _draw_extent(bar_x, bar_width)


@lru_cache(_PLACES)
def _draw_extent(x: float, width: float) -> str:
    return f'x="{x}%" width="{width}%"'


def _escape_address(address: str) -> str:
    return _escape_short_address(address) if len(address) <= _SHORT else escape_html(address)


_escape_short_address = lru_cache(_ADDRESSES)(escape_html)
