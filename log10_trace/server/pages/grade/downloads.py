"""Results and graded calls as files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from starlette.responses import Response, StreamingResponse

from log10_trace.domain.csv_lines import csv_line, literal
from log10_trace.domain.export_formats import Format, LineFormatter
from log10_trace.domain.schema_form import build_form
from log10_trace.domain.times import rfc3339
from log10_trace.domain.training_example import UnsuitableError
from log10_trace.domain.value_condition import Condition
from log10_trace.server.http.api_errors import ApiError, unprocessable
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.grade.request import Graders, find_task
from log10_trace.server.pages.grade.results import read_conditions, stream_feedback
from log10_trace.server.pages.grade.results_view import make_row, read_values
from log10_trace.server.routes.listing import chunk_lines
from log10_trace.server.store.data_types import FeedbackTask

_FORMATS: Final = (Format.OPENAI_FINETUNE, Format.CHAT, Format.RAW, Format.JSONL)

_CSV_HEAD: Final = ("completion_id", "feedback_id", "created_at", "graded_by")
_CSV_TAIL: Final = ("other_values", "comment")


async def download_results_csv(context: RequestContext) -> Response:
    """A row for each completion that feedback is about, newest first; with the conditions of ``where``."""
    task, holds = await context.read(_find, context)
    lines = _format_csv_lines(context, task, holds)
    return await _stream(context, lines, "results.csv", "text/csv; charset=utf-8")


async def download_graded_calls(context: RequestContext) -> Response:
    """The graded calls as JSON lines; those whose latest feedback meets the conditions of ``where``.

    Calls that the format cannot represent are left out.
    """
    named = context.request.query_params.get("format", Format.OPENAI_FINETUNE.value)
    form = next((each for each in _FORMATS if each.value == named), None)
    if form is None:
        raise unprocessable("format", f"It is one of: {', '.join(each.value for each in _FORMATS)}.")
    task, holds = await context.read(_find, context)
    lines = _format_graded_lines(context, task, holds, LineFormatter(form))
    return await _stream(context, lines, "graded.jsonl", "application/x-ndjson")


def _find(context: RequestContext) -> tuple[FeedbackTask, Condition]:
    if context.request.method == "HEAD":
        raise ApiError(405, "wrong_method", "Use GET to export.", headers={"Allow": "GET"})
    return find_task(context), read_conditions(context.request.query_params.getlist("where"))


async def _stream(context: RequestContext, lines: Iterator[bytes], name: str, media_type: str) -> Response:
    pieces = await context.read_pieces(chunk_lines(lines))
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def _format_csv_lines(context: RequestContext, task: FeedbackTask, holds: Condition) -> Iterator[bytes]:
    form = build_form(task.json_schema)
    names = [field.property_name or "" for field in form.fields if field.property_name is not None]
    yield csv_line((*_CSV_HEAD, *map(literal, names), *_CSV_TAIL))
    graders = Graders(context)
    for feedback in stream_feedback(context, task):
        if not holds(read_values(feedback.json_values)):
            continue
        row = make_row(form, feedback)
        rest = (
            feedback.id,
            rfc3339(feedback.created_at_ms),
            graders.name(feedback.key_id),
            *row.cells,
            row.others,
            feedback.comment or "",
        )
        for completion_id in feedback.matched_completion_ids:
            yield csv_line(map(literal, (completion_id, *rest)))


def _format_graded_lines(
    context: RequestContext, task: FeedbackTask, holds: Condition, formatter: LineFormatter
) -> Iterator[bytes]:
    seen: set[str] = set()
    for feedback in stream_feedback(context, task):
        is_meant = holds(read_values(feedback.json_values))
        for completion_id in feedback.matched_completion_ids:
            if completion_id in seen:
                continue
            seen.add(completion_id)
            if is_meant and (line := _format(context, completion_id, formatter)):
                yield line + b"\n"


def _format(context: RequestContext, completion_id: str, formatter: LineFormatter) -> bytes | None:
    stored = context.store.completions.get(context.organization_id, completion_id)
    if stored is None:
        return None
    try:
        return formatter.format(stored.to_line().encode("utf-8", "surrogatepass"))
    except UnsuitableError:
        return None
