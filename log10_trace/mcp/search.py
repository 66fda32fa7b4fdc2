"""The tools that list calls: those that pass filters, and those that run now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from log10_trace.client import Log10
from log10_trace.client.filters import Filters
from log10_trace.domain import formatting
from log10_trace.domain.call_labels import STARTED
from log10_trace.domain.call_times import read_began_ms
from log10_trace.mcp.answer import Answer, Detail
from log10_trace.mcp.arguments import (
    FILTER_ARGUMENTS,
    Argument,
    choice,
    limit_argument,
    read_text,
    select_filters,
)
from log10_trace.mcp.call_rows import describe_row
from log10_trace.mcp.tool import Question, Tool
from log10_trace.models.components import CompletionSummary

_MAX_ROWS: Final = 100
_RUNNING_FILTERS: Final = ("model", "tag", "session_id", "metadata")

CURSOR: Final = Argument(
    name="cursor",
    schema={"type": "string", "description": "Where the page begins: 'next' of the answer before."},
    read=read_text,
)
_ORDER: Final = Argument(
    name="order",
    schema={"type": "string", "enum": ["newest", "oldest"], "default": "newest"},
    read=choice(("newest", "oldest")),
    default="newest",
)


def count_matching(client: Log10, filters: Filters) -> int | None:
    """How many calls pass the filters; None where they are too many to count."""
    found = client.completions.statistics(group_by="none", interval="day", **filters).statistics
    return sum(group.calls for group in found.groups) if found.exact else None


def _search(question: Question) -> Callable[[Detail], Answer]:
    filters, given = select_filters(question.given), question.given
    matching = count_matching(question.client, filters)
    pages: dict[int, tuple[list[CompletionSummary], str | None]] = {}

    def build(detail: Detail) -> Answer:
        limit = min(given["limit"], detail.items)
        if limit not in pages:
            pages[limit] = _read_page(question.client, filters, given, limit)
        calls, cursor = pages[limit]
        return Answer(
            summary=_summarize(len(calls), matching, given),
            recorded={"calls": [describe_row(call, detail) for call in calls]},
            page=question.list_page(filters),
            next_arguments={"cursor": cursor, "limit": limit} if cursor else None,
        )

    return build


def _read_page(
    client: Log10, filters: Filters, given: Mapping[str, Any], limit: int
) -> tuple[list[CompletionSummary], str | None]:
    """So many calls from the cursor on, and where the next ones begin."""
    listed = client.completions.list(limit=limit, cursor=given["cursor"], order=given["order"], **filters)
    page = next(listed.pages())
    return page.items, page.next_cursor


def _summarize(shown: int, matching: int | None, given: Mapping[str, Any]) -> str:
    if matching is None:
        found = "So many calls match that they are not counted"
    else:
        found = f"{formatting.count_calls(matching)} {'matches' if matching == 1 else 'match'}"
    if not shown:
        return f"{found}; there is none on this page." if given["cursor"] else f"{found}."
    order = "the newest first" if given["order"] == "newest" else "the oldest first"
    where = "the next ones" if given["cursor"] else "the first ones"
    return f"{found}; {where} are below, {order}: {shown:,} of them."


def _list_running(question: Question) -> Callable[[Detail], Answer]:
    filters: Filters = {**select_filters(question.given), "status": STARTED}
    running = count_matching(question.client, filters)
    calls = list(question.client.completions.list(limit=question.given["limit"], order="oldest", **filters))
    now_ms = int(datetime.now(timezone.utc).timestamp() * 1000)

    def build(detail: Detail) -> Answer:
        shown = calls[: detail.items]
        number = "An unknown number of calls" if running is None else formatting.count_calls(running)
        listed = f"; {len(shown):,} of them are below, the longest-running first." if shown else "."
        return Answer(
            summary=f"Running now, as far as the server knows: {number}{listed}",
            recorded={"calls": [_describe_running(call, detail, now_ms) for call in shown]},
            page=question.list_page(filters),
        )

    return build


def _describe_running(call: CompletionSummary, detail: Detail, now_ms: int) -> dict[str, Any]:
    began_ms = read_began_ms(call.id or "", call.created_at)
    running_for = None if began_ms is None else max(0.0, (now_ms - began_ms) / 1000)
    return {**describe_row(call, detail), "running_for_seconds": running_for}


SEARCH_CALLS: Final = Tool(
    name="search_calls",
    title="Search calls",
    description=(
        "List the recorded calls of the OpenAI SDK that pass all filters: id, time, status, model, the first "
        "words asked and answered, failure, the line of the program, seconds, tokens, cost, tags, session. "
        "Use it to find which calls failed (status='failed', since='12h'), what a model said (q='refund "
        "in:response'), or the calls of a file, function, tag, session or user. get_call shows one whole."
    ),
    arguments=(*FILTER_ARGUMENTS, _ORDER, limit_argument(20, _MAX_ROWS, "calls"), CURSOR),
    answer=_search,
)
LIST_RUNNING_CALLS: Final = Tool(
    name="list_running_calls",
    title="List running calls",
    description=(
        "List the calls that have begun and not ended, the longest-running first, and how long each runs. "
        "A program reports a call that runs for longer than a second."
    ),
    arguments=(
        *(argument for argument in FILTER_ARGUMENTS if argument.name in _RUNNING_FILTERS),
        limit_argument(20, _MAX_ROWS, "calls"),
    ),
    answer=_list_running,
)
