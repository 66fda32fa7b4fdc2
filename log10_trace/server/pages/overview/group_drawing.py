"""Draws the rows of groups: written out here, since a table has up to a hundred. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from markupsafe import Markup

from log10_trace.server.pages.chart_drawing import draw_trend
from log10_trace.server.pages.overview.columns import Number
from log10_trace.server.pages.overview.tables import TREND_HEIGHT, Row
from log10_trace.server.pages.sanitize import escape_html


def draw_groups(rows: Iterable[Row], trend_title: str, root: str) -> Markup:
    """The rows of groups: a name, a small chart, and numbers, one at least, each with link and change."""
    start = escape_html(root)
    chart = f'<svg width="100%" height="{TREND_HEIGHT}" role="img" aria-label="{escape_html(trend_title)}">'
    drawn = []
    for row in rows:
        address = f"{start}{escape_html(row.address)}" if row.address else ""
        trend = f"{chart}{draw_trend(row.trend, TREND_HEIGHT)}</svg>" if row.trend else ""
        name = f"<bdi>{escape_html(row.name)}</bdi>"
        drawn.append(
            "    <tr>\n"
            f'      <th scope="row">{_draw_link(name, address)}</th>\n'
            f'      <td class="trend">{trend}</td>\n'
            f"      {_draw_numbers(row.numbers, start)}\n"
            "    </tr>\n"
        )
    return Markup("".join(drawn))  # noqa: S704 -- all text in it was escaped


def _draw_numbers(numbers: Sequence[Number], start: str) -> str:
    address = escaped = ""
    # No number and no change holds a bar: all are escaped at once.
    texts = [text for one in numbers for text in (one.value, one.change.text if one.change else "")]
    drawn = iter(escape_html("|".join(texts)).split("|"))
    cells = []
    for number, value, change in zip(numbers, drawn, drawn, strict=True):
        if number.address != address:  # most numbers of a row lead to the same calls
            address, escaped = number.address, f"{start}{escape_html(number.address)}"
        cells.append(_draw_cell(number, escaped, value, change))
    return "".join(cells)


def _draw_cell(number: Number, address: str, value: str, change: str) -> str:
    if number.address:
        value = _draw_link(value, address, ' class="wrong"' if number.is_bad else "")
    if number.change:
        change = f' <small class="change is-{number.change.direction}">{change}</small>'
    return f'<td class="number" data-title="{_escape_title(number.title)}">{value}{change}</td>'


def _draw_link(shown: str, address: str, attributes: str = "") -> str:
    return f'<a{attributes} href="{address}">{shown}</a>' if address else shown


_escape_title = lru_cache(escape_html)
