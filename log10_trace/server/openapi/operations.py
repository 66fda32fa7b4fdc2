"""What each operation takes and answers, in the words of the document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from log10_trace.server.openapi.parameters import query
from log10_trace.server.openapi.schemas import COUNT, LABEL, Schema, array, maybe, record, reference, taken
from log10_trace.server.routes.filters import NAMES as FILTERS

_COMPLETION: Final = reference("StoredCompletion")
_CURSOR: Final[Schema] = {"type": ["string", "null"], "description": "For the next page; null at the end."}
_ANY: Final[Schema] = {"type": "object"}
_FOR_ORGANIZATION: Final = taken({"organization_id": maybe(LABEL)}, required=[])
_CREATED: Final = record({"completionID": {"type": "string"}, "organizationSlug": {"type": "string"}})
_DELETED: Final = record({"deleted": COUNT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One operation's part of the document.

    Attributes:
        answers: The schema of the body by status.
        takes: The schema of the request's body.
        takes_also: Further media types of the request's body.
        gives_also: Further media types of the answer's body.
        refuses: Statuses of errors besides those that every operation shares.
    """

    id: str
    summary: str
    tag: str
    answers: dict[int, Schema]
    takes: Schema | None = None
    takes_also: dict[str, Schema] = field(default_factory=dict)
    gives_also: dict[str, Schema] = field(default_factory=dict)
    needs_body: bool = True
    query: list[dict[str, Any]] = field(default_factory=list)
    refuses: tuple[int, ...] = ()


_WRITES: Final = (400, 413, 415, 422, 503, 507)

WORDS: Final[dict[tuple[str, str], Words]] = {
    ("POST", "/api/v1/completions"): Words(
        id="create",
        summary="Keep a completion. Sent again, it stays one record.",
        tag="Completions",
        takes=reference("Completion"),
        answers={201: _COMPLETION, 200: _COMPLETION},
        refuses=_WRITES,
    ),
    ("POST", "/api/v1/completions/{id}"): Words(
        id="update",
        summary="Merge into a completion, or make it. What has ended never goes back to started.",
        tag="Completions",
        takes=reference("Completion"),
        answers={200: _COMPLETION},
        refuses=(*_WRITES, 409),
    ),
    ("POST", "/api/v1/completions/batch"): Words(
        id="createMany",
        summary="Keep many completions; each has a result of its own, in order.",
        tag="Completions",
        takes=taken({"completions": array(reference("Completion"))}, required=["completions"]),
        takes_also={"application/x-ndjson": {"type": "string"}},
        answers={
            200: record({"results": array(reference("BatchResult"))}),
            207: record({"results": array(reference("BatchResult"))}),
        },
        refuses=_WRITES,
    ),
    ("GET", "/api/v1/completions"): Words(
        id="list",
        summary="List completions: a page of them, or all that match as JSON lines or CSV.",
        tag="Completions",
        query=query(*FILTERS, "limit", "cursor", "order", "view", "format", "bodies"),
        answers={200: record({"completions": array(_ANY), "next_cursor": _CURSOR})},
        gives_also={"application/x-ndjson": {"type": "string"}, "text/csv": {"type": "string"}},
        refuses=(422,),
    ),
    ("GET", "/api/v1/completions/ungraded"): Words(
        id="listUngraded",
        summary="Completions that a feedback task selects by tag and that have no feedback for it.",
        tag="Completions",
        query=query("task_id", "limit", "cursor"),
        answers={200: record({"completions": array(_COMPLETION), "next_cursor": _CURSOR})},
        refuses=(404, 422),
    ),
    ("GET", "/api/v1/completions/{id}"): Words(
        id="get",
        summary="One completion, whole, every field spelled as it was received.",
        tag="Completions",
        answers={200: _COMPLETION},
        refuses=(404,),
    ),
    ("DELETE", "/api/v1/completions/{id}"): Words(
        id="delete",
        summary="Delete a completion everywhere it is.",
        tag="Completions",
        answers={200: _DELETED},
        refuses=(404, 503, 507),
    ),
    ("DELETE", "/api/v1/completions"): Words(
        id="deleteMany",
        summary="Delete everything of a session or with a tag; further filters narrow it.",
        tag="Completions",
        query=query(*FILTERS),
        answers={200: _DELETED},
        refuses=(422, 503, 507),
    ),
    ("POST", "/api/v1/sessions"): Words(
        id="createSession",
        summary="Make a session.",
        tag="Sessions",
        takes=_FOR_ORGANIZATION,
        needs_body=False,
        answers={201: record({"id": LABEL, "session": record({"id": LABEL})})},
        refuses=_WRITES,
    ),
    ("GET", "/api/v1/sessions"): Words(
        id="listSessions",
        summary="List sessions with a call that passes the filters, the one with the latest call first.",
        tag="Sessions",
        query=query(*FILTERS, "limit", "cursor"),
        answers={200: record({"sessions": array(reference("Session")), "next_cursor": _CURSOR})},
        refuses=(422,),
    ),
    ("GET", "/api/v1/sessions/{id}"): Words(
        id="getSession",
        summary="One session.",
        tag="Sessions",
        answers={200: reference("Session")},
        refuses=(404,),
    ),
    ("POST", "/api/v1/feedback_task"): Words(
        id="createFeedbackTask",
        summary="Make a feedback task.",
        tag="FeedbackTasks",
        takes=reference("NewTask"),
        answers={200: reference("Task")},
        refuses=_WRITES,
    ),
    ("GET", "/api/v1/feedback_task"): Words(
        id="listFeedbackTasks",
        summary="List feedback tasks, oldest first.",
        tag="FeedbackTasks",
        query=query("offset", "limit"),
        answers={200: array(reference("Task"))},
        refuses=(422,),
    ),
    ("GET", "/api/v1/feedback_task/{id}"): Words(
        id="getFeedbackTask",
        summary="One feedback task.",
        tag="FeedbackTasks",
        answers={200: reference("Task")},
        refuses=(404,),
    ),
    ("POST", "/api/v1/feedback"): Words(
        id="upload",
        summary="Keep feedback about named completions, or about all that carry the tags.",
        tag="Feedback",
        takes=reference("NewFeedback"),
        answers={200: reference("Feedback")},
        refuses=(*_WRITES, 404, 409),
    ),
    ("GET", "/api/v1/feedback"): Words(
        id="listFeedback",
        summary="List feedback, newest first. The filters may stand in a JSON body as well.",
        tag="Feedback",
        query=query("offset", "limit", "completion_id", "task_id"),
        answers={200: record({"feedback": array(reference("Feedback")), "total": COUNT})},
        refuses=(400, 413, 415, 422),
    ),
    ("GET", "/api/v1/feedback/{id}"): Words(
        id="getFeedback",
        summary="One piece of feedback.",
        tag="Feedback",
        answers={200: reference("Feedback")},
        refuses=(404,),
    ),
    ("GET", "/api/v1/statistics"): Words(
        id="statistics",
        summary="Calls, tokens, cost and percentiles of duration: by group, and over time.",
        tag="Reports",
        query=query("group_by", "interval", "since", "until"),
        answers={200: record({"groups": array(reference("Totals")), "series": array(reference("Totals"))})},
        refuses=(422,),
    ),
    ("GET", "/api/v1/prices"): Words(
        id="prices",
        summary="What tokens cost: the table that the cost of statistics and sessions comes from.",
        tag="Reports",
        answers={200: reference("Prices")},
        refuses=(422,),
    ),
    ("GET", "/api/v1/sources"): Words(
        id="listSources",
        summary="What arrived from each process.",
        tag="Reports",
        answers={200: record({"sources": array(reference("Source"))})},
        refuses=(422,),
    ),
    ("GET", "/api/v1/sources/{source}"): Words(
        id="getSource",
        summary="What arrived from one process, and which of its numbers never did.",
        tag="Reports",
        answers={200: reference("Source")},
        refuses=(404,),
    ),
    ("GET", "/api/v1/limits"): Words(
        id="limits", summary="How much is taken.", tag="Server", answers={200: _ANY}
    ),
    ("GET", "/healthz"): Words(
        id="health",
        summary="Whether the database answers.",
        tag="Server",
        answers={200: record({"status": {"const": "ok"}})},
        refuses=(503,),
    ),
    ("GET", "/metrics"): Words(
        id="metrics",
        summary="What the server counts about itself, for Prometheus.",
        tag="Server",
        answers={200: {}},
        gives_also={"text/plain": {"type": "string"}},
    ),
    ("GET", "/openapi.json"): Words(
        id="document", summary="This document.", tag="Server", answers={200: _ANY}
    ),
    ("POST", "/api/completions"): Words(
        id="createOlder",
        summary="Make an empty completion, as the original Python client does.",
        tag="Older prefix",
        takes=_FOR_ORGANIZATION,
        needs_body=False,
        answers={200: _CREATED},
        refuses=_WRITES,
    ),
    ("POST", "/api/completions/{id}"): Words(
        id="updateOlder",
        summary="Merge into a completion: JSON in strings, milliseconds, kind completion.",
        tag="Older prefix",
        takes=reference("OlderCompletion"),
        answers={200: _CREATED},
        refuses=(*_WRITES, 409),
    ),
    ("GET", "/api/completions"): Words(
        id="listOlder",
        summary="List completions, newest first.",
        tag="Older prefix",
        query=query(
            *("offset", "limit", "tagFilter", "createdFilter", "sort", "desc", "ids"),
            limit={"type": "integer", "minimum": 0, "maximum": 1000},
        ),
        answers={200: record({"data": array(_ANY)})},
        refuses=(422,),
    ),
    ("GET", "/api/completions/{id}"): Words(
        id="getOlder",
        summary="One completion, in the older form.",
        tag="Older prefix",
        answers={200: record({"data": _ANY})},
        refuses=(404,),
    ),
    ("POST", "/api/sessions"): Words(
        id="createSessionOlder",
        summary="Make a session.",
        tag="Older prefix",
        takes=_FOR_ORGANIZATION,
        needs_body=False,
        answers={200: record({"sessionID": LABEL})},
        refuses=_WRITES,
    ),
    ("GET", "/api/tags/search"): Words(
        id="searchTags",
        summary="The tags that begin with the query.",
        tag="Older prefix",
        query=query("query"),
        answers={200: record({"data": array(record({"id": {"type": "string"}, "name": LABEL}))})},
        refuses=(422,),
    ),
}
