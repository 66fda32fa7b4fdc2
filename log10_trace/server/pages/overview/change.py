"""How much a figure changed. Pure."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

_MOST: Final = 10
"""Times as much, from which per cent say little."""
_LEAST: Final = 0.005
"""Less than half a per cent is no change."""


class Change(NamedTuple):
    """A change in words, and its direction."""

    text: str
    direction: Literal["up", "down", "none"]


def change_of(figure: float | None, before: float | None, *, is_new: bool) -> Change | None:
    """The change from ``before`` to ``figure``; None where one of them is not known.

    ``is_new``: there was nothing before.
    """
    if is_new:
        return Change("new", "none") if figure else None
    if figure is None or before is None:
        return None
    if not before:
        return Change("new", "none") if figure else None
    share = figure / before - 1
    if abs(share) < _LEAST:
        return Change("same", "none")
    direction: Literal["up", "down"] = "up" if share > 0 else "down"
    sign = "+" if share > 0 else "\N{MINUS SIGN}"
    if share >= _MOST - 1:
        return Change(f"{figure / before:,.0f} times", direction)
    return Change(f"{sign}{abs(share) * 100:.0f} %", direction)
