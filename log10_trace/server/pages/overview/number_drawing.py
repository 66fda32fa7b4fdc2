"""Draws the numbers of a row: written out here, since a table has some hundreds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from markupsafe import Markup

from log10_trace.server.pages.overview.columns import Number
from log10_trace.server.pages.sanitize import escape_html


def draw_numbers(numbers: Iterable[Number], root: str) -> Markup:
    """The cells of a row, each with its link and its change."""
    start = escape_html(root)
    address = escaped = ""
    cells = []
    for number in numbers:
        if number.address != address:  # most numbers of a row lead to the same calls
            address, escaped = number.address, escape_html(number.address)
        cells.append(_draw_cell(number, f"{start}{escaped}"))
    return Markup("".join(cells))  # noqa: S704 -- all text in it was escaped


def _draw_cell(number: Number, address: str) -> str:
    value, change = escape_html(number.value), ""
    if number.address:
        kind = ' class="wrong"' if number.is_bad else ""
        value = f'<a{kind} href="{address}">{value}</a>'
    if number.change:
        text = escape_html(number.change.text)
        change = f' <small class="change is-{number.change.direction}">{text}</small>'
    return f'<td class="number" data-title="{_escape_title(number.title)}">{value}{change}</td>'


_escape_title = lru_cache(escape_html)
