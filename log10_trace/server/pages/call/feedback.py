"""The route that takes feedback from the form on the page of a call."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from log10_trace.domain.keys import Scope
from log10_trace.server.http.api_errors import ApiError, from_store_error, not_found
from log10_trace.server.http.forms import read_form
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.call.reading import completion_id, read_list_conditions
from log10_trace.server.pages.call.showing import show_call
from log10_trace.server.pages.call.surroundings import OfferedForm
from log10_trace.server.pages.grade.entered import Entered, read_entered
from log10_trace.server.pages.grade.grading_page import store_entered
from log10_trace.server.store.data_types import FeedbackTask
from log10_trace.server.store.errors import StoreError


async def give(context: RequestContext) -> Response:
    """Store the feedback and lead back to the call; or show the form with what is wrong."""
    form = await read_form(context)
    task = await context.read(_find_task, context)
    entered, status = read_entered(task, form), 422
    if not entered.filled.has_errors:
        try:
            await store_entered(context, task, completion_id(context), entered)
        except ApiError as error:
            entered, status = entered.with_error(error), error.status
        except StoreError as error:
            refusal = from_store_error(error)
            entered, status = entered.with_error(refusal), refusal.status
    if entered.filled.has_errors:
        return await _show_refused(context, task, entered, status)
    address = read_list_conditions(context, completion_id(context)).address
    return RedirectResponse(f"{context.root_path}{address}#feedback", 303)


async def _show_refused(
    context: RequestContext, task: FeedbackTask, entered: Entered, status: int
) -> Response:
    if not context.principal.has_scope(Scope.READ):
        # The form stands on the page of the call, which this key may not see.
        raise ApiError(status, "invalid", "The feedback does not fit the task, or the call is not there.")
    return await context.read(show_call, context, OfferedForm(task=task, entered=entered), status)


def _find_task(context: RequestContext) -> FeedbackTask:
    task_id = context.path_name("task")
    found = context.store.feedback.task(context.organization_id, task_id)
    if found is None:
        raise not_found("task")
    return found
