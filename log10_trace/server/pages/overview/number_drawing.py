"""Draws the numbers of a row: written out here, since a table has some hundreds. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from log10_trace.server.pages.overview.columns import Number
from log10_trace.server.pages.sanitize import escape_html


def draw_numbers(numbers: Iterable[Number], root: str) -> Markup:
    """The cells of a row, each with its link and its change."""
    start = escape_html(root)
    return Markup("".join([_draw_cell(number, start) for number in numbers]))  # noqa: S704 -- all text in it was escaped


def _draw_cell(number: Number, root: str) -> str:
    value, change = escape_html(number.value), ""
    if number.address:
        kind = ' class="wrong"' if number.is_bad else ""
        value = f'<a{kind} href="{root}{escape_html(number.address)}">{value}</a>'
    if number.change:
        text = escape_html(number.change.text)
        change = f' <small class="change is-{number.change.direction}">{text}</small>'
    return f'<td class="number" data-title="{escape_html(number.title)}">{value}{change}</td>'
