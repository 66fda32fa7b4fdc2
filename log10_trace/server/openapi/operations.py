"""Request and response descriptions of each operation, for the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.server.openapi.parameters import SORTS, query
from log10_trace.server.openapi.schemas import (
    COUNT,
    LABEL,
    Schema,
    array,
    nullable,
    object_schema,
    reference,
    request_object,
)

_COMPLETION: Final = reference("StoredCompletion")
_CURSOR: Final[Schema] = {
    "type": ["string", "null"],
    "description": "Cursor of the next page; null on the last page.",
}
_ANY: Final[Schema] = {"type": "object"}
_FOR_ORGANIZATION: Final = request_object({"organization_id": nullable(LABEL)}, required=[])
_CREATED: Final = object_schema({"completionID": {"type": "string"}, "organizationSlug": {"type": "string"}})
_DELETED: Final = object_schema({"deleted": COUNT})


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationDoc:
    """One operation's part of the document.

    Attributes:
        responses: The schema of the response's body by status.
        request_schema: The schema of the request's body.
        request_media_types: Further media types of the request's body.
        response_media_types: Further media types of the response's body.
        needs_body: Whether the request's body is required.
        error_statuses: Statuses of errors besides those that every operation shares.
    """

    id: str
    summary: str
    tag: str
    responses: dict[int, Schema]
    request_schema: Schema | None = None
    request_media_types: dict[str, Schema] = field(default_factory=dict)
    response_media_types: dict[str, Schema] = field(default_factory=dict)
    needs_body: bool = True
    query: list[dict[str, Any]] = field(default_factory=list)
    error_statuses: tuple[int, ...] = ()


_WRITES: Final = (400, 413, 415, 422, 503, 507)

OPERATION_DOCS: Final[dict[tuple[str, str], OperationDoc]] = {
    ("POST", "/api/v1/completions"): OperationDoc(
        id="create",
        summary="Create or merge a completion. Idempotent by id.",
        tag="Completions",
        request_schema=reference("Completion"),
        responses={201: _COMPLETION, 200: _COMPLETION},
        error_statuses=_WRITES,
    ),
    ("POST", "/api/v1/completions/{id}"): OperationDoc(
        id="update",
        summary="Merge into a completion, or create it. A call that has ended never returns to started.",
        tag="Completions",
        request_schema=reference("Completion"),
        responses={200: _COMPLETION},
        error_statuses=(*_WRITES, 409),
    ),
    ("POST", "/api/v1/completions/batch"): OperationDoc(
        id="createMany",
        summary="Store many completions; each has its own result, in order.",
        tag="Completions",
        request_schema=request_object(
            {"completions": array(reference("Completion"))}, required=["completions"]
        ),
        request_media_types={"application/x-ndjson": {"type": "string"}},
        responses={
            200: object_schema({"results": array(reference("BatchResult"))}),
            207: object_schema({"results": array(reference("BatchResult"))}),
        },
        error_statuses=_WRITES,
    ),
    ("GET", "/api/v1/completions"): OperationDoc(
        id="list",
        summary="List completions: one page, or all that match as JSON Lines or CSV.",
        tag="Completions",
        query=query(*FILTER_NAMES, "limit", "cursor", "order", "view", "format", "bodies"),
        responses={200: object_schema({"completions": array(_ANY), "next_cursor": _CURSOR})},
        response_media_types={"application/x-ndjson": {"type": "string"}, "text/csv": {"type": "string"}},
        error_statuses=(422,),
    ),
    ("GET", "/api/v1/completions/ungraded"): OperationDoc(
        id="listUngraded",
        summary="Completions that a feedback task selects by tag and that have no feedback for it.",
        tag="Completions",
        query=query("task_id", "limit", "cursor"),
        responses={200: object_schema({"completions": array(_COMPLETION), "next_cursor": _CURSOR})},
        error_statuses=(404, 422),
    ),
    ("GET", "/api/v1/completions/lookup"): OperationDoc(
        id="lookUp",
        summary="Completions whose ids begin or end with a text; a whole id gives that one alone.",
        tag="Completions",
        query=[
            *({**each, "required": True} for each in query("id")),
            *query("limit", limit={"type": "integer", "minimum": 1, "maximum": 100, "default": 10}),
        ],
        responses={200: object_schema({"completions": array(_ANY)})},
        error_statuses=(422,),
    ),
    ("GET", "/api/v1/completions/{id}"): OperationDoc(
        id="get",
        summary="Get one completion; every field has the text it was received as.",
        tag="Completions",
        responses={200: _COMPLETION},
        error_statuses=(404,),
    ),
    ("DELETE", "/api/v1/completions/{id}"): OperationDoc(
        id="delete",
        summary="Delete a completion and all data derived from it.",
        tag="Completions",
        responses={200: _DELETED},
        error_statuses=(404, 503, 507),
    ),
    ("DELETE", "/api/v1/completions"): OperationDoc(
        id="deleteMany",
        summary="Delete the completions of a session or with a tag; other filters narrow the selection.",
        tag="Completions",
        query=query(*FILTER_NAMES),
        responses={200: _DELETED},
        error_statuses=(422, 503, 507),
    ),
    ("POST", "/api/v1/sessions"): OperationDoc(
        id="createSession",
        summary="Create a session.",
        tag="Sessions",
        request_schema=_FOR_ORGANIZATION,
        needs_body=False,
        responses={201: object_schema({"id": LABEL, "session": object_schema({"id": LABEL})})},
        error_statuses=_WRITES,
    ),
    ("GET", "/api/v1/sessions"): OperationDoc(
        id="listSessions",
        summary="List sessions with a call that passes the filters, the one with the latest call first.",
        tag="Sessions",
        query=query(*FILTER_NAMES, "limit", "cursor"),
        responses={200: object_schema({"sessions": array(reference("Session")), "next_cursor": _CURSOR})},
        error_statuses=(422,),
    ),
    ("GET", "/api/v1/sessions/{id}"): OperationDoc(
        id="getSession",
        summary="One session.",
        tag="Sessions",
        responses={200: reference("Session")},
        error_statuses=(404,),
    ),
    ("POST", "/api/v1/feedback_task"): OperationDoc(
        id="createFeedbackTask",
        summary="Create a feedback task.",
        tag="FeedbackTasks",
        request_schema=reference("NewTask"),
        responses={200: reference("Task")},
        error_statuses=_WRITES,
    ),
    ("GET", "/api/v1/feedback_task"): OperationDoc(
        id="listFeedbackTasks",
        summary="List feedback tasks, oldest first.",
        tag="FeedbackTasks",
        query=query("offset", "limit"),
        responses={200: array(reference("Task"))},
        error_statuses=(422,),
    ),
    ("GET", "/api/v1/feedback_task/{id}"): OperationDoc(
        id="getFeedbackTask",
        summary="Get a feedback task.",
        tag="FeedbackTasks",
        responses={200: reference("Task")},
        error_statuses=(404,),
    ),
    ("POST", "/api/v1/feedback"): OperationDoc(
        id="upload",
        summary="Store feedback on the named completions, or on all that have the tags.",
        tag="Feedback",
        request_schema=reference("NewFeedback"),
        responses={200: reference("Feedback")},
        error_statuses=(*_WRITES, 404, 409),
    ),
    ("GET", "/api/v1/feedback"): OperationDoc(
        id="listFeedback",
        summary="List feedback, newest first. Filters may also be given in a JSON body.",
        tag="Feedback",
        query=query("offset", "limit", "completion_id", "task_id"),
        responses={200: object_schema({"feedback": array(reference("Feedback")), "total": COUNT})},
        error_statuses=(400, 413, 415, 422),
    ),
    ("GET", "/api/v1/feedback/{id}"): OperationDoc(
        id="getFeedback",
        summary="Get one feedback.",
        tag="Feedback",
        responses={200: reference("Feedback")},
        error_statuses=(404,),
    ),
    ("GET", "/api/v1/statistics"): OperationDoc(
        id="statistics",
        summary="Calls, tokens, cost and percentiles of what matches the filters, by group and over time.",
        tag="Reports",
        query=query(
            *FILTER_NAMES, "group_by", "interval", "sort", sort={"enum": list(SORTS), "default": "calls"}
        ),
        responses={200: reference("Statistics")},
        error_statuses=(422,),
    ),
    ("GET", "/api/v1/prices"): OperationDoc(
        id="prices",
        summary="The price table that cost is computed with.",
        tag="Reports",
        responses={200: reference("Prices")},
        error_statuses=(422,),
    ),
    ("GET", "/api/v1/sources"): OperationDoc(
        id="listSources",
        summary="List the sources (processes) and the records received from each.",
        tag="Reports",
        responses={200: object_schema({"sources": array(reference("Source"))})},
        error_statuses=(422,),
    ),
    ("GET", "/api/v1/sources/{source}"): OperationDoc(
        id="getSource",
        summary="The records received from one source, and the sequence numbers that are missing.",
        tag="Reports",
        responses={200: reference("Source")},
        error_statuses=(404,),
    ),
    ("POST", "/api/v1/login_codes"): OperationDoc(
        id="createLoginCode",
        summary="Make a code with which one browser signs in, once: GET /login?code=CODE&next=PATH.",
        tag="Server",
        responses={201: object_schema({"code": {"type": "string"}, "expires_in_s": COUNT})},
    ),
    ("GET", "/api/v1/key"): OperationDoc(
        id="getKey",
        summary="What the key of the request is: id, name, organization, scopes, expiry; never its secret.",
        tag="Server",
        responses={200: reference("Key")},
    ),
    ("GET", "/api/v1/limits"): OperationDoc(
        id="limits", summary="Request limits.", tag="Server", responses={200: _ANY}
    ),
    ("GET", "/healthz"): OperationDoc(
        id="health",
        summary="Health check: whether the database responds.",
        tag="Server",
        responses={200: object_schema({"status": {"const": "ok"}})},
        error_statuses=(503,),
    ),
    ("GET", "/metrics"): OperationDoc(
        id="metrics",
        summary="Metrics of the server and of the calls that it received, in Prometheus format.",
        tag="Server",
        responses={200: {}},
        response_media_types={"text/plain": {"type": "string"}},
    ),
    ("GET", "/openapi.json"): OperationDoc(
        id="document", summary="This document.", tag="Server", responses={200: _ANY}
    ),
    ("POST", "/api/completions"): OperationDoc(
        id="createOlder",
        summary="Create an empty completion, as the original Python client does.",
        tag="Older prefix",
        request_schema=_FOR_ORGANIZATION,
        needs_body=False,
        responses={200: _CREATED},
        error_statuses=_WRITES,
    ),
    ("POST", "/api/completions/{id}"): OperationDoc(
        id="updateOlder",
        summary="Merge into a completion: JSON in strings, milliseconds, kind completion.",
        tag="Older prefix",
        request_schema=reference("OlderCompletion"),
        responses={200: _CREATED},
        error_statuses=(*_WRITES, 409),
    ),
    ("GET", "/api/completions"): OperationDoc(
        id="listOlder",
        summary="List completions, newest first.",
        tag="Older prefix",
        query=query(
            *("offset", "limit", "tagFilter", "createdFilter", "sort", "desc", "ids"),
            limit={"type": "integer", "minimum": 0, "maximum": 1000},
        ),
        responses={200: object_schema({"data": array(_ANY)})},
        error_statuses=(422,),
    ),
    ("GET", "/api/completions/{id}"): OperationDoc(
        id="getOlder",
        summary="Get one completion in the legacy format.",
        tag="Older prefix",
        responses={200: object_schema({"data": _ANY})},
        error_statuses=(404,),
    ),
    ("POST", "/api/sessions"): OperationDoc(
        id="createSessionOlder",
        summary="Create a session.",
        tag="Older prefix",
        request_schema=_FOR_ORGANIZATION,
        needs_body=False,
        responses={200: object_schema({"sessionID": LABEL})},
        error_statuses=_WRITES,
    ),
    ("GET", "/api/tags/search"): OperationDoc(
        id="searchTags",
        summary="List tags that begin with the query.",
        tag="Older prefix",
        query=query("query"),
        responses={
            200: object_schema({"data": array(object_schema({"id": {"type": "string"}, "name": LABEL}))})
        },
        error_statuses=(422,),
    ),
}
