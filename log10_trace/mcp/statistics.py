"""The tool that sums calls: how many, which failed, tokens, cost and time, by group and over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from log10_trace.domain import formatting
from log10_trace.domain.page_paths import OVERVIEW
from log10_trace.domain.times import parse_duration_ms
from log10_trace.errors import ArgumentError
from log10_trace.mcp.answer import Answer, Detail
from log10_trace.mcp.arguments import (
    FILTER_ARGUMENTS,
    Argument,
    choice,
    limit_argument,
    read_text,
    select_filters,
)
from log10_trace.mcp.excerpts import shorten
from log10_trace.mcp.tool import Question, Tool
from log10_trace.models.operations import Group, Statistics
from log10_trace.questions.grouping import GROUPS, parse_group_by
from log10_trace.questions.span_comparison import compare_groups, shift_span

_SORTS: Final = (
    "cost",
    "calls",
    "failed",
    "tokens",
    "p50",
    "p95",
    "first_token_p50",
    "first_token_p95",
    "key",
)
_INTERVALS: Final = ("minute", "hour", "day")
_MAX_GROUPS: Final = 100
_NAME: Final = 200
_FIGURES: Final = {
    "calls": "calls",
    "failed": "failed",
    "dollars": "cost",
    "calls_without_price": "unpriced",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "p50_seconds": "p50",
    "p95_seconds": "p95",
    "first_token_p50_seconds": "first_token_p50",
}
"""The figures of an answer, and the fields of a group that they come from."""


def _read_group_by(value: Any) -> str:
    group_by = parse_group_by(read_text(value))
    if group_by is None:
        message = f"It must be one of {', '.join(GROUPS)}, or metadata.KEY, such as metadata.user_id."
        raise ValueError(message)
    return group_by


def _read_compare(value: Any) -> int:
    duration_ms = parse_duration_ms(value.strip().lower()) if isinstance(value, str) else None
    if duration_ms is None:
        message = "It must be a duration: 24h, 7d or 4w."
        raise ValueError(message)
    return duration_ms


def _sum(question: Question) -> Callable[[Detail], Answer]:
    given, filters = question.given, select_filters(question.given)
    over, span_ms = given["over"], given["compare"]
    if over is not None and span_ms is not None:
        message = "over and compare cannot be used together: give one of them."
        raise ArgumentError(message)
    before: Statistics | None = None
    if span_ms is not None:
        try:
            filters, earlier = shift_span(filters, span_ms)
        except OverflowError:
            message = "compare cannot be used: the span before begins before the year 1. Use 24h, 7d or 4w."
            raise ArgumentError(message) from None
        before = _read(question, earlier)
    found = _read(question, filters)
    rows = _describe_series(found) if over else _describe_groups(found, before)
    name = "steps" if over else "groups"
    limit = given["limit"]

    def build(detail: Detail) -> Answer:
        # Of a series the latest steps count.
        kept = min(limit, detail.items)
        shown = rows[-kept:] if over else rows[:kept]
        return Answer(
            summary=_summarize(found, len(shown), len(rows), name),
            recorded={"filters_of_figures": None if found.exact else found.counted, name: shown},
            page=_find_page(question, filters),
        )

    return build


def _read(question: Question, filters: Mapping[str, Any]) -> Statistics:
    given = question.given
    return question.client.completions.statistics(
        group_by=given["by"], interval=given["over"] or "day", sort=given["sort"], **filters
    ).statistics


def _describe_groups(found: Statistics, before: Statistics | None) -> list[dict[str, Any]]:
    if before is None:
        return [{"key": _describe_key(group), **_list_figures(group)} for group in found.groups]
    return [
        {
            "key": _describe_key(change.now),
            **_list_figures(change.now),
            "before": _list_figures(change.before) if change.before else None,
            "had_calls_before": change.before is not None if change.is_known else None,
        }
        for change in compare_groups(found.groups, before.groups)
    ]


def _describe_series(found: Statistics) -> list[dict[str, Any]]:
    return [{"from": step.start, **_list_figures(step)} for step in found.series]


def _describe_key(group: Group) -> str:
    return shorten(group.key or "(none)", _NAME)


def _list_figures(group: Group) -> dict[str, Any]:
    return {name: getattr(group, field) for name, field in _FIGURES.items()}


def _summarize(found: Statistics, shown: int, rows: int, name: str) -> str:
    calls = formatting.count_calls(sum(step.calls for step in found.series)) if found.series else "No calls"
    number = f"{rows:,} or more" if rows == _MAX_GROUPS else f"{rows:,}"
    sentences = [f"{calls}.", f"{shown:,} of {number} {name} are below." if rows else f"There are no {name}."]
    if not found.exact:
        sentences.append("Too many calls match to be summed: the figures are of other filters, named below.")
    if unpriced := sum(group.unpriced or 0 for group in found.groups):
        sentences.append(f"The cost is without {formatting.count_calls(unpriced)} whose price is unknown.")
    return " ".join(sentences)


def _find_page(question: Question, filters: Mapping[str, Any]) -> str:
    """The overview, or the list of these calls where the overview shows others: it begins at a time."""
    if "since" not in filters or not filters.keys() <= {"since", "until"}:
        return question.list_page(filters)
    by = question.given["by"]
    return question.list_page(filters if by == "none" else {**filters, "by": by}, OVERVIEW)


GET_STATISTICS: Final = Tool(
    name="get_statistics",
    title="Sum calls",
    description=(
        "Sum calls by model, tag, call site (line of the program), session, kind of failure or a key of the "
        "metadata, or over time: calls, failures, cost, tokens, seconds (p50, p95). compare='7d' puts the "
        "last 7 days beside the 7 days before; with since, the same time 7 days earlier. Use it for what "
        "costs most, fails most or became slower, and since when."
    ),
    arguments=(
        Argument(
            name="by",
            schema={
                "type": "string",
                "default": "model",
                "description": f"What to group by: {', '.join(GROUPS)}, or metadata.KEY.",
            },
            read=_read_group_by,
            default="model",
        ),
        Argument(
            name="over",
            schema={
                "type": "string",
                "enum": list(_INTERVALS),
                "description": "Steps of time instead of groups.",
            },
            read=choice(_INTERVALS),
        ),
        Argument(
            name="compare",
            schema={"type": "string", "description": "Compare with so long before: 24h, 7d, 4w."},
            read=_read_compare,
        ),
        Argument(
            name="sort",
            schema={
                "type": "string",
                "enum": list(_SORTS),
                "default": "cost",
                "description": "The figure that groups are sorted by, the largest first.",
            },
            read=choice(_SORTS),
            default="cost",
        ),
        *FILTER_ARGUMENTS,
        limit_argument(20, _MAX_GROUPS, "groups or steps"),
    ),
    answer=_sum,
)
