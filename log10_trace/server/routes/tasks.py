"""Feedback tasks: their instruction and the JSON Schema of the values."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

from starlette.responses import Response

from log10_trace.domain.ids import new_id
from log10_trace.domain.labels import MAX_LABEL, MAX_TAGS, is_label
from log10_trace.domain.times import rfc3339
from log10_trace.server.http.api_errors import not_found, unprocessable
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.store.data_types import FeedbackTask

_UNSTORABLE_CHARACTERS = re.compile("[\0\ud800-\udfff]")


async def create(context: RequestContext) -> Response:
    """A new task; one of the same id is replaced."""
    kept = await store_task(context, await context.json_object())
    return json_response(task_dict(kept, context.organization_id))


async def store_task(context: RequestContext, members: dict[str, tuple[str, Any]]) -> FeedbackTask:
    """Validate and store a task.

    Args:
        context: The request.
        members: The members of the body of ``POST /api/v1/feedback_task``, each with its JSON text.

    Raises:
        ApiError: a member cannot be used.
    """
    values = {name: value for name, (_, value) in members.items()}
    require_object(members, "json_schema")
    await context.service.validator.validate_schema(members["json_schema"][0])
    task = FeedbackTask(
        id=label(values, "id") or new_id(),
        name=text(values, "name") or "",
        instruction=text(values, "instruction") or "",
        json_schema=members["json_schema"][0],
        completion_tags_selector=labels(values, "completion_tags_selector"),
        created_at_ms=time.time_ns() // 1_000_000,
    )
    return await asyncio.wrap_future(context.store.feedback.add_task(context.organization_id, task))


async def list_tasks(context: RequestContext) -> Response:
    """Every task, oldest first; in ``data`` for the original Python client."""
    query = RequestParams(context.request.query_params, ("offset", "limit"))
    found = await context.read(context.store.feedback.tasks, context.organization_id)
    offset = query.offset()
    limit = query.integer("limit", least=1, most=context.service.limits.page_items)
    span = found[offset:] if limit is None else found[offset : offset + limit]
    tasks = [task_dict(task, context.organization_id) for task in span]
    if context.is_legacy_client:
        return json_response({"data": tasks, "total": len(found)})
    return json_response(tasks)


async def get(context: RequestContext) -> Response:
    """One task."""
    task_id = context.path_name()
    found = await context.read(context.store.feedback.task, context.organization_id, task_id)
    if found is None:
        raise not_found("task")
    return json_response(task_dict(found, context.organization_id))


def task_dict(task: FeedbackTask, organization_id: str) -> dict[str, Any]:
    """The task as the API shows it."""
    return {
        "id": task.id,
        "organization_id": organization_id,
        "created_at_ms": task.created_at_ms,
        "created_at": rfc3339(task.created_at_ms).replace("Z", "+00:00"),
        "name": task.name,
        "instruction": task.instruction,
        "json_schema": json.loads(task.json_schema),
        "completion_tags_selector": list(task.completion_tags_selector),
    }


def require_object(members: dict[str, tuple[str, Any]], name: str) -> dict[str, Any]:
    """The object of this name, which must be given."""
    try:
        value = json.loads(members.get(name, ("null", None))[0])
    except ValueError:  # Python converts no integer of thousands of digits
        raise unprocessable(name, "A number has too many digits.") from None
    if not isinstance(value, dict):
        raise unprocessable(name, "An object is needed.")
    return value


def text(values: dict[str, Any], name: str) -> str | None:
    """A text, if it is given."""
    value = values.get(name)
    if value is None or (isinstance(value, str) and not _UNSTORABLE_CHARACTERS.search(value)):
        return value
    raise unprocessable(name, "Must be text without NUL characters or unpaired surrogates.")


def label(values: dict[str, Any], name: str) -> str | None:
    """A short text without control characters, if it is given."""
    value = values.get(name)
    return None if value is None else _label(name, value)


def labels(values: dict[str, Any], name: str) -> tuple[str, ...]:
    """A list of short texts, empty if it is not given."""
    given = values.get(name)
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MAX_TAGS:
        raise unprocessable(name, f"It must be a list of at most {MAX_TAGS} texts.")
    return tuple(dict.fromkeys(_label(name, item) for item in given))


def _label(name: str, value: Any) -> str:
    if is_label(value, min_chars=1):
        return value
    raise unprocessable(name, f"It must be text of 1 to {MAX_LABEL} characters, without control characters.")
