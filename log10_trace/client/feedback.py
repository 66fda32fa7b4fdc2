"""The operations on feedback and on feedback tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from log10_trace.client.http_library import httpx
from log10_trace.client.operation import Operation, as_json, path_segment, query, response_parser
from log10_trace.client.resource import AsyncResource, SyncResource, operation
from log10_trace.models import operations
from log10_trace.models.components import Feedback, FeedbackTask

PATH = "/feedback"
TASK_PATH = "/feedback_task"


def get_feedback(
    feedback_id: str, x_log10_organization: str | None = None
) -> Operation[operations.GetResponse]:
    """One feedback."""
    return Operation(
        method="GET",
        path=f"{PATH}/{path_segment(feedback_id)}",
        read=response_parser(operations.GetResponse, feedback=Feedback),
        organization=x_log10_organization,
    )


def list_feedback(
    x_log10_organization: str | None = None,
    request_body: operations.ListRequestBody | Mapping[str, Any] | None = None,
    **filters: str | int | None,
) -> Operation[operations.ListResponse]:
    """Feedback, newest first.

    Args:
        x_log10_organization: replaces the client's own organization.
        request_body: ``offset``, ``limit``, ``completion_id`` and ``task_id`` as the API's documentation has
            them. They travel in the address: many proxies drop the body of a GET.
        filters: the same four as keyword arguments.
    """
    parameters = operations.ListRequestBody.model_validate(request_body or {}).model_dump() | filters
    return Operation(
        method="GET",
        path=PATH,
        read=response_parser(operations.ListResponse, object=operations.ListResponseBody),
        query=query(parameters),
        organization=x_log10_organization,
    )


def upload_feedback(
    request_body: operations.One | operations.Two | Feedback | Mapping[str, Any],
    x_log10_organization: str | None = None,
) -> Operation[operations.UploadResponse]:
    """Give feedback on completions, which are named by id (``Two``) or by their tags (``One``)."""
    return Operation(
        method="POST",
        path=PATH,
        read=response_parser(operations.UploadResponse, feedback=Feedback),
        body=as_json(request_body),
        organization=x_log10_organization,
        idempotent=False,
    )


def list_tasks(*, x_log10_organization: str | None = None) -> Operation[operations.ListFeedbackTasksResponse]:
    """All feedback tasks."""
    return Operation(method="GET", path=TASK_PATH, read=_read_tasks, organization=x_log10_organization)


def _read_tasks(response: httpx.Response) -> operations.ListFeedbackTasksResponse:
    return operations.ListFeedbackTasksResponse(
        status_code=response.status_code,
        raw_response=response,
        tasks=[FeedbackTask.model_validate(item) for item in json.loads(response.content)],
    )


def create_task(
    request: FeedbackTask | Mapping[str, Any], x_log10_organization: str | None = None
) -> Operation[operations.CreateFeedbackTaskResponse]:
    """Ask for feedback: instructions, a schema for the answers, the tags of the completions meant."""
    return Operation(
        method="POST",
        path=TASK_PATH,
        read=response_parser(operations.CreateFeedbackTaskResponse, task=FeedbackTask),
        body=as_json(request),
        organization=x_log10_organization,
        idempotent=False,
    )


def get_task(
    task_id: str, x_log10_organization: str | None = None
) -> Operation[operations.GetFeedbackTaskResponse]:
    """Get a feedback task."""
    return Operation(
        method="GET",
        path=f"{TASK_PATH}/{path_segment(task_id)}",
        read=response_parser(operations.GetFeedbackTaskResponse, task=FeedbackTask),
        organization=x_log10_organization,
    )


class _Feedback:
    get = operation(get_feedback)
    list = operation(list_feedback)
    upload = operation(upload_feedback)
    create = upload


class FeedbackOperations(_Feedback, SyncResource):
    """The operations on feedback, blocking."""


class AsyncFeedbackOperations(_Feedback, AsyncResource):
    """The operations on feedback, awaiting."""


class _Tasks:
    list = operation(list_tasks)
    create = operation(create_task)
    get = operation(get_task)


class FeedbackTasks(_Tasks, SyncResource):
    """The operations on feedback tasks, blocking."""


class AsyncFeedbackTasks(_Tasks, AsyncResource):
    """The operations on feedback tasks, awaiting."""
