"""The tasks with their progress, and the page that makes one."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.forms import read_form
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.grade.new_task import EXAMPLES, NewTask, read_new_task
from log10_trace.server.pages.grade.progress import measure_progress
from log10_trace.server.pages.grade.request import render
from log10_trace.server.pages.urls import task_path
from log10_trace.server.routes.tasks import store_task

_TASKS: Final = 20
"""Tasks of one page."""
_UNPROCESSABLE: Final = 422


async def tasks(context: RequestContext) -> Response:
    """The tasks, newest first, with their progress."""
    return await context.read(_tasks, context)


def _tasks(context: RequestContext) -> Response:
    offset = RequestParams(context.request.query_params, ("offset",)).offset()
    found = context.store.feedback.tasks(context.organization_id)[::-1]
    shown = measure_progress(context, found[offset : offset + _TASKS])
    older = offset + _TASKS if len(found) > offset + _TASKS else None
    return render(context, "grade_tasks.html", tasks=shown, older=older, is_first_page=not offset)


async def new_task(context: RequestContext) -> Response:
    """The form for a new task, empty or with an example's schema."""
    query = context.request.query_params
    _, schema = EXAMPLES.get(query.get("example", ""), EXAMPLES["verdict"])
    entered = NewTask(schema=schema, tags=", ".join(query.getlist("tag")), name=query.get("name", ""))
    return await context.read(_render_new_task, context, entered.with_preview())


async def create_task(context: RequestContext) -> Response:
    """Create the task, or show its form again: with what is wrong, or with a preview that was asked for."""
    form = await read_form(context)
    is_preview = form.text("preview") != ""
    entered = read_new_task(form, is_complete=not is_preview)
    if not entered.error("schema"):
        try:
            if not (is_preview or entered.errors):
                members = context.parse_object(entered.to_body())
                stored = await store_task(context, members)
                return RedirectResponse(f"{context.root_path}{task_path(stored.id)}", 303)
            await context.service.validator.validate_schema(entered.schema)
            entered = entered.with_preview()
        except ApiError as error:
            entered = entered.with_api_error(error)
    status = _UNPROCESSABLE if entered.errors else 200
    return await context.read(_render_new_task, context, entered, status)


def _render_new_task(context: RequestContext, entered: NewTask, status: int = 200) -> Response:
    tags = context.store.reports.tags(context.organization_id)
    return render(context, "grade_new.html", status, entered=entered, examples=EXAMPLES, tags=tags)
