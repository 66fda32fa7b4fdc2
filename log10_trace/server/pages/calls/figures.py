"""What stands above the list of calls: how many match, figures of them, and a chart over time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from log10_trace.domain import formatting
from log10_trace.server.pages.chart import Chart, Layer, build_chart, format_count, make_slots
from log10_trace.server.pages.chart_axis import choose_interval, make_axis
from log10_trace.server.pages.urls import PageURL
from log10_trace.server.store.data_types import (
    CompletionFilter,
    GroupTotals,
    MatchCount,
    Statistics,
    StatisticsQuery,
)

_CHART_HEIGHT: Final = 56
_UNCOUNTED: Final = 1 << 53
"""Records that took too long to count; to sum them takes longer."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, what it is, and the address of the calls behind it."""

    title: str
    value: str
    address: str
    note: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the store counts for a list."""

    wanted: CompletionFilter
    matched: MatchCount
    total: MatchCount
    query: StatisticsQuery
    statistics: Statistics
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresView:
    """Everything above the list."""

    matched: MatchCount
    total: MatchCount
    figures: tuple[Figure, ...]
    chart: Chart | None
    scope: str
    """What the figures are of, where that is more than what matches; else empty."""

    @property
    def sentence(self) -> tuple[str, str]:
        """How many match, before and after the number of all calls; the second is empty without filters."""
        matched = _count(self.matched)
        if self.matched == self.total:
            return f"{matched} {'call' if self.matched.calls == 1 else 'calls'}", ""
        return f"{matched} of ", f"{_count(self.total)} calls match"


def statistics_query(wanted: CompletionFilter, matched: MatchCount, now_ms: int) -> StatisticsQuery:
    """What to count for a list of ``wanted``."""
    since_ms, until_ms = wanted.since_ms, wanted.until_ms
    interval = "day" if since_ms is None else choose_interval(since_ms, until_ms or now_ms)
    least = matched.calls if matched.is_exact else _UNCOUNTED
    return StatisticsQuery(wanted=wanted, interval=interval, min_matches=least)


def figures_view(counts: Counts, address: PageURL) -> FiguresView:
    """The view of what was counted for the page at ``address``."""
    is_all = counts.statistics.counted == counts.wanted
    totals = next(iter(counts.statistics.groups), None)
    figures = _figures(totals, address) if totals else ()
    return FiguresView(
        matched=counts.matched,
        total=counts.total,
        figures=figures[1:] if is_all else figures,  # the sentence says how many calls they are of
        chart=_chart(counts, address) if totals else None,
        scope="" if is_all else _describe(counts.statistics.counted),
    )


def _count(count: MatchCount) -> str:
    if count.is_exact:
        return formatting.count(count.calls)
    return f"at least {formatting.count(count.calls)}" if count.calls else "some"


def _describe(counted: CompletionFilter) -> str:
    """Which calls the figures are of, in words."""
    groups = {
        "the session": counted.session_id,
        "the call site": counted.file and f"{counted.file}:{counted.function}",
        "the failure": counted.failure_kind,
        "the tag": ", ".join(counted.tags),
        "the model": counted.model,
    }
    group = "".join(f" of {name} {value}" for name, value in groups.items() if value)
    status = f"{counted.status} " if counted.status else ""
    return f"all {status}calls{group} in this span of time"


def _figures(total: GroupTotals, address: PageURL) -> tuple[Figure, ...]:
    tokens = total.input_tokens + total.output_tokens
    counts = (formatting.compact_number(total.input_tokens), formatting.compact_number(total.output_tokens))
    unpriced = f"without {formatting.count_calls(total.unpriced)} of unknown price" if total.unpriced else ""
    with_tokens = str(address.with_param("min_tokens", "1"))
    return (
        Figure("Calls", formatting.count(total.calls), str(address.without_param("cursor"))),
        Figure(
            "Failed",
            formatting.count(total.failed),
            str(address.with_param("status", "failed")),
            formatting.percent(total.failed, total.calls),
            is_bad=total.failed > 0,
        ),
        Figure(
            "Tokens",
            formatting.compact_number(tokens),
            with_tokens,
            f"{counts[0]} in, {counts[1]} out",
        ),
        Figure("Cost", formatting.dollars(total.cost), with_tokens, unpriced),
        Figure(
            "Median time", formatting.duration(total.p50), _slower(address, total.p50), "half took longer"
        ),
        Figure(
            "95 % within",
            formatting.duration(total.p95),
            _slower(address, total.p95),
            f"99 % within {formatting.duration(total.p99)}",
        ),
    )


def _slower(address: PageURL, seconds: float | None) -> str:
    """The calls that took at least so long."""
    return str(address if seconds is None else address.with_param("min_duration", f"{seconds:.3g}"))


def _chart(counts: Counts, address: PageURL) -> Chart:
    steps = {each.start_ms: each for each in counts.statistics.series if each.start_ms is not None}
    axis = make_axis(
        counts.query.interval,
        since_ms=counts.wanted.since_ms,
        until_ms=counts.wanted.until_ms,
        now_ms=counts.now_ms,
        starts=list(steps),
    )
    good: dict[int, float | None] = {start: each.calls - each.failed for start, each in steps.items()}
    failed: dict[int, float | None] = {start: each.failed for start, each in steps.items()}
    slots = make_slots(
        axis, lambda since, until: str(address.with_param("since", since).with_param("until", until))
    )
    return build_chart(
        "calls-chart",
        "Calls",
        axis,
        slots,
        [Layer("not failed", "good", good), Layer("failed", "failed", failed)],
        format_value=format_count,
        span_address=address,
        height=_CHART_HEIGHT,
    )
