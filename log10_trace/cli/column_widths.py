"""The widths of a table's columns: what fits on a line of the terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

GAP: Final = 2
"""Characters between two columns."""
MIN_WIDTH: Final = 6
"""Minimum width of a shortened column, in characters."""


def fit_columns(
    natural: Sequence[int], flexible: Sequence[bool], width: int, min_widths: Sequence[int] = ()
) -> list[int]:
    """The widths of columns on a line of ``width``: 0 for those that have no room.

    A column that is not flexible is shown whole or not at all. The flexible ones share what is left, none
    getting more than its natural width. When there is too little for all, the last ones go, and those that
    have no minimum of ``min_widths`` before those that have one.
    """
    waiting = [at for at, may_shrink in enumerate(flexible) if may_shrink]
    widths = list(natural)
    for at in waiting:
        widths[at] = min(natural[at], min_widths[at]) if min_widths else 0
    for at in reversed(range(1, len(widths))):
        if _line(widths) > width and not flexible[at]:
            widths[at] = 0
    for at in waiting:
        widths[at] = 0
    while waiting and sum(min(natural[at], MIN_WIDTH) + GAP for at in waiting) > width - _line(widths):
        waiting.pop()
    waiting.sort(key=lambda at: natural[at])
    while waiting:
        at = waiting.pop(0)
        room = width - _line(widths)
        kept = sum(min(natural[other], min_widths[other]) + GAP for other in waiting) if min_widths else 0
        given = min(natural[at], room // (len(waiting) + 1) - GAP, room - kept - GAP)
        widths[at] = given if given >= min(natural[at], MIN_WIDTH) else 0
    return widths


def _line(widths: Sequence[int]) -> int:
    """The length of a line of columns, gaps included."""
    return sum(width + GAP for width in widths if width) - GAP
