"""What every page of a task reads first: the task, what the key may do, and who held which key."""

from __future__ import annotations

import time
from typing import Any, Final

from starlette.responses import Response

from log10_trace.domain.keys import Scope
from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.rendering import page
from log10_trace.server.store.data_types import FeedbackTask

_KEY_CHARACTERS: Final = 8
"""Of the id of a key that has no name."""


def find_task(context: RequestContext) -> FeedbackTask:
    """The task that the path names.

    Raises:
        ApiError: 404, the organization has no such task.
    """
    task_id = context.path_name()
    task = context.store.feedback.task(context.organization_id, task_id)
    if task is None:
        raise not_found("task")
    return task


def render(context: RequestContext, template: str, status: int = 200, /, **shown: Any) -> Response:
    """A page that knows what the key may do."""
    principal = context.principal
    return page(
        template,
        status,
        root=context.root_path,
        may_grade=principal.has_scope(Scope.FEEDBACK),
        may_read=principal.has_scope(Scope.READ),
        **shown,
    )


class Graders:
    """The names of the keys that feedback was given with."""

    def __init__(self, context: RequestContext) -> None:
        self._names = {key.id: key.name for key in context.store.keys.list(context.organization_id)}

    def name(self, key_id: str | None) -> str:
        """The name of a key; the beginning of its id where it has none, and empty where it is not known."""
        if not key_id:
            return ""
        return self._names.get(key_id) or f"key {key_id[:_KEY_CHARACTERS]}"


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
