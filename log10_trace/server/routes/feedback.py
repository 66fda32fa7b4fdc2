"""Feedback on completions: creation and lists."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.responses import Response

from log10_trace.domain.ids import new_id
from log10_trace.server.http.api_errors import not_found, unprocessable
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.routes.listing import DEFAULT_LIMIT
from log10_trace.server.routes.tasks import labels, require_object, text
from log10_trace.server.store.data_types import Feedback, FeedbackTarget, FeedbackTask

MAX_MATCHED: Final = 100
"""Default maximum number of completions that a tags selector may match."""

_NAMES: Final = ("offset", "limit", "completion_id", "task_id")


async def upload(context: RequestContext) -> Response:
    """Feedback about named completions, or about those that carry all the tags."""
    return json_response(feedback_dict(await store_feedback(context, await context.json_object(), new_id())))


async def store_feedback(
    context: RequestContext, members: dict[str, tuple[str, Any]], feedback_id: str
) -> Feedback:
    """Validate and store feedback; under an id that is stored already it replaces that feedback.

    Args:
        context: The request.
        members: The members of the body of ``POST /api/v1/feedback``, each with its JSON text.
        feedback_id: The id to store it under.

    Raises:
        ApiError: there is no such task, the values do not fit its schema, or nothing matches.
    """
    values = {name: value for name, (_, value) in members.items()}
    selection = _selection(values)
    task = await _task(context, text(values, "task_id") or "")
    require_object(members, "json_values")
    await context.service.validator.validate_values(members["json_values"][0], task.json_schema)
    feedback = Feedback(
        id=feedback_id,
        task_id=task.id,
        json_values=members["json_values"][0],
        comment=text(values, "comment"),
        matched_completion_ids=(),
        created_at_ms=time.time_ns() // 1_000_000,
        key_id=context.principal.key_id,
    )
    return await asyncio.wrap_future(context.store.feedback.add(context.organization_id, feedback, selection))


async def list_feedback(context: RequestContext) -> Response:
    """Feedback, newest first; filters are read from the query or, as in the original API, from the body."""
    params = [*context.request.query_params.multi_items(), *await _body_params(context)]
    query = RequestParams(QueryParams(params), _NAMES)
    found = await context.read(
        context.store.feedback.list,
        context.organization_id,
        offset=query.offset(),
        limit=query.integer("limit", least=1, most=context.service.limits.page_items) or DEFAULT_LIMIT,
        completion_id=query.text("completion_id"),
        task_id=query.text("task_id"),
    )
    items = [feedback_dict(each) for each in found.items]
    if not context.is_legacy_client:
        return json_response({"feedback": items, "total": found.total})
    tasks = await context.read(context.store.feedback.tasks, context.organization_id)
    names = {task.id: task.name for task in tasks}
    named = [{**item, "task_name": names.get(item["task_id"], "")} for item in items]
    return json_response({"data": named, "total": found.total})


async def get(context: RequestContext) -> Response:
    """Get one feedback."""
    feedback_id = context.path_name()
    found = await context.read(context.store.feedback.get, context.organization_id, feedback_id)
    if found is None:
        raise not_found("feedback")
    return json_response(feedback_dict(found))


def feedback_dict(feedback: Feedback) -> dict[str, Any]:
    """The feedback as the API shows it."""
    return {
        "id": feedback.id,
        "created_at_ms": feedback.created_at_ms,
        "task_id": feedback.task_id,
        "json_values": json.loads(feedback.json_values),
        "comment": feedback.comment or "",
        "matched_completion_ids": list(feedback.matched_completion_ids),
    }


async def _task(context: RequestContext, task_id: str) -> FeedbackTask:
    found = await context.service.read_threads.run_own(
        context.store.feedback.task, context.organization_id, task_id
    )
    if found is None:
        raise not_found("task")
    return found


def _selection(values: dict[str, Any]) -> FeedbackTarget:
    ids, tags = labels(values, "completion_ids"), labels(values, "completion_tags_selector")
    if bool(ids) == bool(tags):
        raise unprocessable("completion_ids", "Name either completion_ids or a completion_tags_selector.")
    allow = values.get("allow_unmatched_feedback", False)
    if not isinstance(allow, bool):
        raise unprocessable("allow_unmatched_feedback", "It must be true or false.")
    most = values.get("max_matched_completions")
    if most is None:
        most = MAX_MATCHED
    if isinstance(most, float) and most.is_integer():
        most = int(most)  # to JSON Schema 3.0 is an integer
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= 1_000_000:  # noqa: PLR2004 -- said below
        raise unprocessable("max_matched_completions", "It must be a whole number from 1 to 1000000.")
    return FeedbackTarget(completion_ids=ids, tags=tags, allow_unmatched=allow, max_matched=most)


async def _body_params(context: RequestContext) -> list[tuple[str, str]]:
    members = await context.json_object(optional=True)
    return [
        (name, value if isinstance(value, str) else body_text)
        for name, (body_text, value) in members.items()
        if value is not None
    ]
