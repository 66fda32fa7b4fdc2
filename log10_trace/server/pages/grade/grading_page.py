"""One completion with the task's form: shown, saved, and taken back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from log10_trace.domain.keys import Scope
from log10_trace.server.http.api_errors import ApiError, conflict, from_store_error, not_found
from log10_trace.server.http.forms import read_form
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.call.call_view import call_view
from log10_trace.server.pages.grade.entered import Entered, fill_in, read_entered, write_draft
from log10_trace.server.pages.grade.handing_out import lead_to, lead_to_next, lease
from log10_trace.server.pages.grade.progress import measure_progress
from log10_trace.server.pages.grade.request import Graders, find_task, now_ms, render
from log10_trace.server.pages.grade.sitting import Sitting, read_sitting
from log10_trace.server.routes.feedback import store_feedback
from log10_trace.server.store.data_types import FeedbackTask, StoredCompletion
from log10_trace.server.store.errors import StoreError

_GIVEN: Final = 5
"""Feedback that the completion has already, of which the page tells."""
_GONE: Final = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grading:
    """What is graded, and in which sitting."""

    task: FeedbackTask
    completion_id: str
    sitting: Sitting


async def show(context: RequestContext) -> Response:
    """The completion and the empty form, or the form as it was before it was taken back."""
    return await context.read(_show, context)


def _show(context: RequestContext) -> Response:
    return _render(
        context,
        _Grading(
            task=find_task(context),
            completion_id=context.path_name("completion"),
            sitting=read_sitting(context.request.query_params.getlist),
        ),
    )


async def save(context: RequestContext) -> Response:
    """Store the feedback and lead to the next completion; or show the form with what is wrong."""
    form = await read_form(context)
    grading = _Grading(
        task=await context.read(find_task, context),
        completion_id=context.path_name("completion"),
        sitting=read_sitting(form.texts),
    )
    entered, status = read_entered(grading.task, form), 422
    if not entered.filled.has_errors:
        try:
            await store_entered(context, grading.task, grading.completion_id, entered)
        except ApiError as error:
            entered, status = entered.with_error(error), error.status
        except StoreError as error:
            refusal = from_store_error(error)
            entered, status = entered.with_error(refusal), refusal.status
    if entered.filled.has_errors:
        return await context.read(_render, context, grading, entered, status)
    return await lead_to_next(context, grading.task, grading.sitting.with_saved(entered.feedback_id))


async def undo(context: RequestContext) -> Response:
    """Delete the sitting's latest feedback and lead back to its completion, the form filled in with it."""
    form = await read_form(context)
    task = await context.read(find_task, context)
    sitting = read_sitting(form.texts)
    if not sitting.saved:
        return await lead_to_next(context, task, sitting)
    store, feedback_id = context.store.feedback, sitting.saved[0].feedback_id
    found = await context.read(store.get, context.organization_id, feedback_id)
    before = sitting.without_latest()
    is_own = found is not None and (found.task_id, found.key_id) == (task.id, context.principal.key_id)
    if found is None or not is_own or not found.matched_completion_ids:
        return await lead_to_next(context, task, before)
    await asyncio.wrap_future(store.delete(context.organization_id, feedback_id))
    completion_id = found.matched_completion_ids[0]
    await lease(context, task, [completion_id], before, take_over=True, draft=write_draft(found))
    return lead_to(context, task, completion_id, before)


async def store_entered(
    context: RequestContext, task: FeedbackTask, completion_id: str, entered: Entered
) -> None:
    """Store what was entered as ``POST /api/v1/feedback`` does.

    Raises:
        ApiError: the values do not fit the task, or the completion is not there.
    """
    earlier = await context.read(context.store.feedback.get, context.organization_id, entered.feedback_id)
    about = (task.id, (completion_id,), context.principal.key_id)
    if earlier and (earlier.task_id, earlier.matched_completion_ids, earlier.key_id) != about:
        field, message = "feedback_id", "The id of this form was used for something else. Open it anew."
        raise conflict(field, message)
    body = entered.to_body(task.id, completion_id)
    await store_feedback(context, context.parse_object(body), entered.feedback_id)


def _render(
    context: RequestContext, grading: _Grading, entered: Entered | None = None, status: int = 200
) -> Response:
    store, organization_id = context.store, context.organization_id
    task, completion_id = grading.task, grading.completion_id
    stored = _find_completion(context, task, completion_id)
    leases = store.grading_queue.list_leases(organization_id, task.id, now_ms=now_ms())
    held = next((each for each in leases if each.completion_id == completion_id), None)
    is_mine = held is not None and held.holder == grading.sitting.holder
    given = store.feedback.list(organization_id, limit=_GIVEN, completion_id=completion_id, task_id=task.id)
    deleted_ms = None if stored else store.completions.find_deletion(organization_id, completion_id)
    return render(
        context,
        "grade_call.html",
        status if stored else _GONE,
        task=task,
        progress=measure_progress(context, [task])[0],
        completion_id=completion_id,
        view=call_view(stored, raw=False) if stored else None,
        deleted_ms=deleted_ms,
        sitting=grading.sitting,
        entered=entered or fill_in(task, held.draft if held and is_mine else ""),
        given=given,
        graders=Graders(context),
        is_with_another=held is not None and not is_mine,
    )


def _find_completion(
    context: RequestContext, task: FeedbackTask, completion_id: str
) -> StoredCompletion | None:
    """The completion, None when it is gone.

    Raises:
        ApiError: 404 for a key that may not read, when the task does not select it.
    """
    stored = context.store.completions.get(context.organization_id, completion_id)
    if stored is None or context.principal.has_scope(Scope.READ):
        return stored
    tags = json.loads(stored.fields.get("tags", "null")) or ()
    if not set(task.completion_tags_selector).intersection(tags):
        raise not_found("completion")
    return stored
