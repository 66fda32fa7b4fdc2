"""The columns of figures beside those of a span of time before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from log10_trace.cli.output import Column, count, dollars, seconds
from log10_trace.models.operations import Group
from log10_trace.questions.span_comparison import GroupChange

_MAX_PERCENT: Final = 999
_DELTA_WIDTH: Final = 5


def comparison_columns() -> list[Column]:
    """The figures for people, each with how much more or less it is."""
    return [
        _changed("CALLS", lambda group: group.calls, count),
        _changed("FAILED", lambda group: group.failed, count, describe=_difference),
        _changed("COST", lambda group: group.cost, dollars),
        _changed("P95", lambda group: group.p95, seconds),
        _changed("TOKENS", _tokens, count),
        _changed("P50", lambda group: group.p50, seconds),
    ]


def piped_comparison_columns() -> list[Column]:
    """The figures in a pipe: each of now, and then of before."""
    figures: tuple[Callable[[Group], float | None], ...] = (
        *(lambda group: group.calls, lambda group: group.failed, lambda group: group.input_tokens),
        *(lambda group: group.output_tokens, lambda group: group.cost, lambda group: group.p50),
        *(lambda group: group.p95, lambda group: group.p99, lambda group: group.first_token_p50),
    )
    return [column for figure in figures for column in (_raw(figure, "now"), _raw(figure, "before"))]


def _raw(figure: Callable[[Group], float | None], which: str) -> Column:
    def cell(change: GroupChange) -> str:
        group = getattr(change, which)
        value = None if group is None else figure(group)
        return "" if value is None else str(value)

    return Column(title="", cell=cell)


def _changed(
    title: str,
    figure: Callable[[Group], float | None],
    shown: Callable[[float | None], str],
    describe: Callable[[float, float], str] | None = None,
) -> Column:
    describe = describe or _percent

    def cell(change: GroupChange) -> str:
        value = figure(change.now)
        before = figure(change.before) if change.before else (0 if change.is_known else None)
        delta = "" if value is None or before is None else describe(value, before)
        return f"{shown(value) or '-'} {delta:>{_DELTA_WIDTH}}"

    return Column(title=f"{title} {'+/-':>{_DELTA_WIDTH}}", cell=cell, right=True, keeps_spaces=True)


def _percent(value: float, before: float) -> str:
    if not before:
        return "new" if value else ""
    percent = round((value - before) / before * 100)
    if percent > _MAX_PERCENT:
        return f"x{value / before:,.0f}"
    return f"{percent:+d}%" if percent else "="


def _difference(value: float, before: float) -> str:
    return f"{value - before:+,.0f}" if value != before else "="


def _tokens(group: Group) -> float | None:
    if group.input_tokens is None and group.output_tokens is None:
        return None
    return (group.input_tokens or 0) + (group.output_tokens or 0)
