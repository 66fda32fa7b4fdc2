"""The statistics panel above a list: calls, failures, tokens, time, cost, and a histogram over time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from log10_trace.domain import formatting
from log10_trace.server.store.data_types import (
    CompletionFilter,
    GroupBy,
    GroupTotals,
    Interval,
    Statistics,
    StatisticsQuery,
)

_HOUR_MS: Final = 3_600_000
_WIDTHS: Final[Mapping[Interval, int]] = {"minute": 60_000, "hour": _HOUR_MS, "day": 24 * _HOUR_MS}
_MOST_BARS: Final = 120
_LEAST_BARS: Final = 30
"""Fewer bars leave room, so that they stay bars."""
HEIGHT: Final = 40


@dataclass(frozen=True, slots=True)
class Figure:
    """One number and what it is."""

    title: str
    value: str
    note: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """The calls of one step of time, ``HEIGHT`` high for the highest; failed ones on top."""

    title: str
    x: int
    good: int
    failed: int


@dataclass(frozen=True, slots=True)
class StatsPanel:
    """Figures, and bars over time; no bars when there is only one step."""

    figures: tuple[Figure, ...]
    bars: tuple[Bar, ...]
    scope: str
    """Which calls are counted, in words."""
    height: int = HEIGHT

    @property
    def steps(self) -> int:
        """How many bars there is room for."""
        return max(self.bars[-1].x + 1, _LEAST_BARS) if self.bars else 0


def stats_query(wanted: CompletionFilter, now_ms: int) -> StatisticsQuery:
    """What to count for a list of ``wanted``: its span of time, and its group where it asks for just one."""
    group_by, key = _group(wanted)
    return StatisticsQuery(
        group_by=group_by,
        key=key,
        interval=_interval(wanted, now_ms),
        since_ms=wanted.since_ms,
        until_ms=wanted.until_ms,
    )


def build_stats_panel(statistics: Statistics, wanted: CompletionFilter, query: StatisticsQuery) -> StatsPanel:
    """The statistics panel for the filter ``wanted``."""
    total = next(iter(statistics.groups), None)
    return StatsPanel(
        figures=_figures(total) if total else (),
        bars=_bars(statistics.series, query.interval),
        scope=_scope(query.group_by, query.key, is_all=_is_all(wanted)),
    )


def _group(wanted: CompletionFilter) -> tuple[GroupBy, str | None]:
    """The one group that the list shows, if what it asks for is one."""
    groups: list[tuple[GroupBy, str | None]] = []
    if wanted.model:
        groups.append(("model", wanted.model))
    if wanted.session_id:
        groups.append(("session", wanted.session_id))
    if wanted.file and wanted.function:
        groups.append(("call_site", f"{wanted.file}:{wanted.function}"))
    if len(wanted.tags) == 1 and wanted.tag_match != "none":
        groups.append(("tag", wanted.tags[0]))
    return groups[0] if len(groups) == 1 else ("none", None)


def _is_all(wanted: CompletionFilter) -> bool:
    """Whether the list shows every call that is counted."""
    span = CompletionFilter(since_ms=wanted.since_ms, until_ms=wanted.until_ms)
    counted = {
        "none": span,
        "model": replace(span, model=wanted.model),
        "session": replace(span, session_id=wanted.session_id),
        "call_site": replace(span, file=wanted.file, function=wanted.function),
        "tag": replace(span, tags=wanted.tags, tag_match=wanted.tag_match),
    }
    return wanted == counted[_group(wanted)[0]]


def _scope(group_by: GroupBy, key: str | None, *, is_all: bool) -> str:
    group = "" if group_by == "none" else f" of the {group_by.replace('_', ' ')} {key}"
    return f"all calls{group}" if is_all else f"all calls{group}, also those not listed"


def _interval(wanted: CompletionFilter, now_ms: int) -> Interval:
    """Steps so fine that they make a picture, and so coarse that they fit."""
    if wanted.since_ms is None:
        return "day"
    span = (wanted.until_ms or now_ms) - wanted.since_ms
    return next((step for step, width in _WIDTHS.items() if span <= width * _MOST_BARS), "day")


def _figures(total: GroupTotals) -> tuple[Figure, ...]:
    tokens = total.input_tokens + total.output_tokens
    counts = (formatting.compact_number(total.input_tokens), formatting.compact_number(total.output_tokens))
    flow = f"{counts[0]} in, {counts[1]} out"
    unpriced = f"without {total.unpriced:,} calls of unknown price" if total.unpriced else ""
    return (
        Figure("Calls", formatting.count(total.calls)),
        Figure(
            "Failed",
            formatting.count(total.failed),
            formatting.percent(total.failed, total.calls),
            is_bad=total.failed > 0,
        ),
        Figure("Tokens", formatting.compact_number(tokens), flow),
        Figure("Median time", formatting.duration(total.p50)),
        Figure(
            "95 % within", formatting.duration(total.p95), f"99 % within {formatting.duration(total.p99)}"
        ),
        Figure("Cost", formatting.dollars(total.cost), unpriced),
    )


def _bars(steps: Sequence[GroupTotals], interval: Interval) -> tuple[Bar, ...]:
    """The last steps, gaps included, side by side."""
    by_start = {each.start_ms: each for each in steps if each.start_ms is not None}
    if len(by_start) < 2:  # noqa: PLR2004 -- one bar is no picture
        return ()
    width, last = _WIDTHS[interval], max(by_start)
    first = max(min(by_start), last - (_MOST_BARS - 1) * width)
    shown = [by_start.get(start) for start in range(first, last + 1, width)]
    highest = max((each.calls for each in shown if each), default=0) or 1
    return tuple(_bar(each, x, highest, interval) for x, each in enumerate(shown) if each)


def _bar(step: GroupTotals, x: int, highest: int, interval: Interval) -> Bar:
    scaled = max(1, round(HEIGHT * step.calls / highest))
    failed = min(scaled, max(1, round(HEIGHT * step.failed / highest))) if step.failed else 0
    start = formatting.clock(step.start_ms or 0)
    when = start[:10] if interval == "day" else start[:16]
    title = f"{when}: {step.calls:,} calls, {step.failed:,} failed"
    return Bar(title, x, scaled - failed, failed)
