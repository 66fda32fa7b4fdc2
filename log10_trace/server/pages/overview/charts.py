"""The charts of the overview. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from log10_trace.domain import formatting
from log10_trace.server.pages.chart import Chart, Layer, Stacking, build_chart, format_count, make_slots
from log10_trace.server.pages.chart_axis import make_axis
from log10_trace.server.pages.overview.reading import Overview
from log10_trace.server.pages.urls import HOME, PageURL
from log10_trace.server.store.data_types import GroupTotals


def make_charts(overview: Overview, address: PageURL) -> tuple[Chart, ...]:
    """Cost, calls, tokens and times in steps; each step leads to its calls."""
    series = overview.total.series
    starts = [step.start_ms for step in series if step.start_ms is not None]
    span = overview.span
    axis = make_axis(
        span.interval, since_ms=span.since_ms, until_ms=span.until_ms, now_ms=span.now_ms, starts=starts
    )

    slots = make_slots(axis, _link)

    def layer(name: str, style: str, value: Callable[[GroupTotals], float | None]) -> Layer:
        return Layer(name, style, {step.start_ms or 0: value(step) for step in series})

    def chart(
        name: str,
        title: str,
        layers: Sequence[Layer],
        format_value: Callable[[float | None], str],
        stacking: Stacking = "stacked",
    ) -> Chart:
        return build_chart(
            name,
            title,
            axis,
            slots,
            layers,
            format_value=format_value,
            span_address=address,
            stacking=stacking,
        )

    return (
        chart("chart-cost", "Cost", [layer("cost", "good", lambda step: step.cost)], _format_dollars),
        chart(
            "chart-calls",
            "Calls",
            [
                layer("not failed", "good", lambda step: step.calls - step.failed),
                layer("failed", "failed", lambda step: step.failed),
            ],
            format_count,
        ),
        chart(
            "chart-tokens",
            "Tokens",
            [
                layer("output", "good", lambda step: step.output_tokens),
                layer("input", "light", lambda step: step.input_tokens),
            ],
            format_count,
        ),
        chart(
            "chart-time",
            "Time",
            [
                layer("95 % within", "light", lambda step: step.p95),
                layer("median", "good", lambda step: step.p50),
            ],
            formatting.duration,
            "overlaid",
        ),
        chart(
            "chart-first",
            "Time to the first token",
            [
                layer("95 % within", "light", lambda step: step.first_token_p95),
                layer("median", "good", lambda step: step.first_token_p50),
            ],
            formatting.duration,
            "overlaid",
        ),
    )


def _link(since: str, until: str) -> str:
    return str(PageURL(HOME, (("since", since), ("until", until))))


def _format_dollars(value: float | None) -> str:
    return formatting.dollars(value or 0.0)
