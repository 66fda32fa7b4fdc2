"""The charts of the overview. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from log10_trace.domain import formatting
from log10_trace.server.pages.chart import Chart, Layer, Stacking, build_chart, format_count, make_slots
from log10_trace.server.pages.chart_axis import make_axis
from log10_trace.server.pages.overview.reading import Overview
from log10_trace.server.pages.urls import HOME, PageURL
from log10_trace.server.store.data_types import GroupTotals


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one chart shows: its layers as (name, style, value of a step)."""

    name: str
    title: str
    layers: tuple[tuple[str, str, Callable[[GroupTotals], float | None]], ...]
    format_value: Callable[[float | None], str]
    stacking: Stacking = "stacked"


def _format_dollars(value: float | None) -> str:
    return formatting.dollars(value or 0.0)


_PLANS: Final = (
    _Plan("chart-cost", "Cost", (("cost", "good", lambda step: step.cost),), _format_dollars),
    _Plan(
        "chart-calls",
        "Calls",
        (
            ("not failed", "good", lambda step: step.calls - step.failed),
            ("failed", "failed", lambda step: step.failed),
        ),
        format_count,
    ),
    _Plan(
        "chart-tokens",
        "Tokens",
        (
            ("output", "good", lambda step: step.output_tokens),
            ("input", "light", lambda step: step.input_tokens),
        ),
        format_count,
    ),
    _Plan(
        "chart-time",
        "Time",
        (
            ("95 % within", "light", lambda step: step.p95),
            ("median", "good", lambda step: step.p50),
        ),
        formatting.duration,
        "overlaid",
    ),
    _Plan(
        "chart-first",
        "Time to the first token",
        (
            ("95 % within", "light", lambda step: step.first_token_p95),
            ("median", "good", lambda step: step.first_token_p50),
        ),
        formatting.duration,
        "overlaid",
    ),
)


def make_charts(overview: Overview, address: PageURL) -> tuple[Chart, ...]:
    """Cost, calls, tokens and times in steps; each step leads to its calls."""
    series, span = overview.total.series, overview.span
    starts = [step.start_ms for step in series if step.start_ms is not None]
    axis = make_axis(
        span.interval, since_ms=span.since_ms, until_ms=span.until_ms, now_ms=span.now_ms, starts=starts
    )
    slots = make_slots(axis, _link)
    return tuple(
        build_chart(
            plan.name,
            plan.title,
            axis,
            slots,
            [
                Layer(name, style, {step.start_ms or 0: value(step) for step in series})
                for name, style, value in plan.layers
            ],
            format_value=plan.format_value,
            span_address=address,
            stacking=plan.stacking,
        )
        for plan in _PLANS
    )


def _link(since: str, until: str) -> str:
    return str(PageURL(HOME, (("since", since), ("until", until))))
