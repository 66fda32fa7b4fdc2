"""Reading the feedback on a task: as much of it as is asked for, and what meets conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from log10_trace.domain.value_condition import Condition, parse_condition
from log10_trace.server.http.api_errors import unprocessable
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.store.data_types import Feedback, FeedbackTask, Page

_BATCH = 200
_MAX_CONDITIONS = 10


def read_conditions(texts: Sequence[str]) -> Condition:
    """The condition that all of the texts hold.

    Raises:
        ApiError: 422, one of them is not a condition.
    """
    given = [text for text in texts if text.strip()]
    if len(given) > _MAX_CONDITIONS:
        raise unprocessable("where", f"At most {_MAX_CONDITIONS} conditions.")
    try:
        conditions = [parse_condition(text) for text in given]
    except ValueError as error:
        raise unprocessable("where", str(error)) from None
    return lambda values: all(condition(values) for condition in conditions)


def stream_feedback(context: RequestContext, task: FeedbackTask) -> Iterator[Feedback]:
    """All feedback on a task, newest first."""
    cursor = None
    while True:
        page = read_page(context, task, _BATCH, cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def read_page(context: RequestContext, task: FeedbackTask, limit: int, cursor: str | None) -> Page[Feedback]:
    """A page of the feedback on a task, newest first."""
    return context.store.feedback.list_for_task(context.organization_id, task.id, limit=limit, cursor=cursor)
