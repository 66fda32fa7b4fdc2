"""One task: how far it is, what waits, and its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response

from log10_trace.domain.export_formats import Format
from log10_trace.domain.schema_form import SchemaForm, build_form
from log10_trace.domain.value_condition import Condition
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.grade.handing_out import SKIPPED, list_candidates
from log10_trace.server.pages.grade.progress import TaskProgress, measure_progress
from log10_trace.server.pages.grade.request import Graders, find_task, now_ms, render
from log10_trace.server.pages.grade.results import read_conditions, read_page
from log10_trace.server.pages.grade.results_view import (
    FieldDistribution,
    ResultRow,
    count_values,
    make_row,
    read_values,
)
from log10_trace.server.pages.grade.sitting import Sitting, read_sitting
from log10_trace.server.pages.urls import PageURL, task_path
from log10_trace.server.store.data_types import FeedbackTask
from log10_trace.server.store.errors import CursorError

_ROWS: Final = 25
_PAGES: Final = 20
"""Pages of rows that are looked through for what meets the conditions."""
_MINUTE_MS: Final = 60_000
_COUNTED: Final = 1_000
"""The latest pieces of feedback, of which the distributions are."""
MAX_CALLS: Final = 3
"""Calls of one row that the page names."""
EXPORTS: Final = {
    Format.OPENAI_FINETUNE: "OpenAI fine-tuning examples",
    Format.CHAT: "chats",
    Format.RAW: "requests and responses as sent",
    Format.JSONL: "whole records",
}
"""The formats that graded calls are exported in, with their titles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is left to grade."""

    has_more: bool
    """Whether a completion may wait that nobody grades."""
    leases: int
    """Completions that are being graded."""
    minutes: int
    """After so many the leases have expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The feedback on a task."""

    distributions: tuple[FieldDistribution, ...] = ()
    counted: int = 0
    """Pieces of feedback that the distributions are of."""
    is_all: bool = True
    """Whether older ones are not counted."""
    rows: tuple[ResultRow, ...] = ()
    previews: Mapping[str, str] = field(default_factory=dict)
    """What the calls of the rows asked, by id."""
    older: str = ""
    """The address of the rows after these; empty at the end."""
    fault: str = ""


async def show_task(context: RequestContext) -> Response:
    """The task with its progress and results."""
    return await context.read(_show_task, context)


def _show_task(context: RequestContext) -> Response:
    task = find_task(context)
    query = context.request.query_params
    form, conditions = build_form(task.json_schema), tuple(filter(str.strip, query.getlist("where")))
    address = PageURL(task_path(task.id), tuple(("where", each) for each in conditions))
    status, results = 200, Results()
    try:
        results = _read_results(context, task, form, read_conditions(conditions), address)
    except CursorError as error:
        status, results = 422, Results(fault=str(error))
    except ApiError as error:
        status, results = error.status, Results(fault=error.message)
    sitting = read_sitting(query.getlist)
    progress, ended = measure_progress(context, [task])[0], query.get("ended", "")
    return render(
        context,
        "grade_task.html",
        status,
        progress=progress,
        waiting=_find_waiting(context, progress, sitting, ended),
        sitting=sitting,
        is_end=bool(ended),
        form=form,
        conditions=conditions,
        address=address,
        results=results,
        exports=EXPORTS,
        max_calls=MAX_CALLS,
        graders=Graders(context),
    )


def _find_waiting(context: RequestContext, progress: TaskProgress, sitting: Sitting, ended: str) -> Waiting:
    now = now_ms()
    leases = context.store.grading_queue.list_leases(context.organization_id, progress.task.id, now_ms=now)
    return Waiting(
        has_more=ended == SKIPPED if ended else _has_more(context, progress, sitting, len(leases)),
        leases=len(leases),
        minutes=-(-(leases[-1].expires_at_ms - now) // _MINUTE_MS) if leases else 0,
    )


def _has_more(context: RequestContext, progress: TaskProgress, sitting: Sitting, leases: int) -> bool:
    """Whether a completion may wait; looked for only where the counts leave few that could."""
    if not progress.is_known or progress.summary.graded + leases < progress.selected.calls:
        return bool(progress.selected.calls) or not progress.selected.is_exact
    return bool(list_candidates(context, progress.task, sitting, limit=1))


def _read_results(
    context: RequestContext, task: FeedbackTask, form: SchemaForm, holds: Condition, address: PageURL
) -> Results:
    after = context.request.query_params.get("after") or None
    rows, older = _read_rows(context, task, form, holds, after)
    shown: dict[str, Any] = {"rows": tuple(rows)}
    if older is not None:
        shown["older"] = str(address.with_param("after", older))
    if after is None:
        texts = context.store.feedback.list_values(context.organization_id, task.id, limit=_COUNTED + 1)
        values = [each for each in map(read_values, texts[:_COUNTED]) if holds(each)]
        shown |= {"distributions": count_values(form, values), "counted": len(values)}
        shown["is_all"] = len(texts) <= _COUNTED
    ids = {call for row in rows for call in row.feedback.matched_completion_ids[:MAX_CALLS]}
    summaries = context.store.completions.get_summaries(context.organization_id, sorted(ids))
    shown["previews"] = {call: found.preview_request for call, found in summaries.items()}
    return Results(**shown)


def _read_rows(
    context: RequestContext, task: FeedbackTask, form: SchemaForm, holds: Condition, after: str | None
) -> tuple[list[ResultRow], str | None]:
    """Rows that meet the condition, and the cursor after the last page that was looked through."""
    rows: list[ResultRow] = []
    for _ in range(_PAGES):
        page = read_page(context, task, _ROWS, after)
        rows += [make_row(form, each) for each in page.items if holds(read_values(each.json_values))]
        after = page.next_cursor
        if after is None or len(rows) >= _ROWS:
            break
    return rows, after
