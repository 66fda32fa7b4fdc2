"""What the operations of the completions API take and answer with.

Every answer knows its HTTP ``status_code`` and the ``raw_response``; what it brought stands in the field that
the API's documentation names (``.completion``, ``.any``, ``.object``, ``.task``, ``.tasks``, ``.feedback``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from log10_trace.models.base import Json, Model, Number
from log10_trace.models.completion import Completion
from log10_trace.models.feedback import Feedback, FeedbackTask, JSONValues, Session, Source

if TYPE_CHECKING:
    import httpx

RequestBodyJSONValues = JSONValues

__all__ = [
    "BatchResponse",
    "BatchResult",
    "CreateFeedbackTaskResponse",
    "CreateResponse",
    "CreateSessionResponse",
    "CreateSessionResponseBody",
    "DeleteManyResponse",
    "DeleteResponse",
    "GetCompletionResponse",
    "GetFeedbackTaskResponse",
    "GetResponse",
    "GetSessionResponse",
    "GetSourceResponse",
    "Group",
    "JSONValues",
    "ListFeedbackTasksResponse",
    "ListRequestBody",
    "ListResponse",
    "ListResponseBody",
    "ListSourcesResponse",
    "ListUngradedResponse",
    "ListUngradedResponseBody",
    "One",
    "RequestBodyJSONValues",
    "Response",
    "Statistics",
    "StatisticsResponse",
    "Two",
    "UpdateResponse",
    "UploadResponse",
]


@dataclass(frozen=True, kw_only=True)
class Response:
    """What every answer of the API has."""

    status_code: int
    raw_response: httpx.Response = field(repr=False)

    @property
    def http_meta(self) -> HTTPMetadata:
        """The request and the response, as the documentation's ``http_meta``."""
        return HTTPMetadata(request=self.raw_response.request, response=self.raw_response)


@dataclass(frozen=True, kw_only=True)
class HTTPMetadata:
    """The HTTP request and response behind an answer."""

    request: httpx.Request
    response: httpx.Response


# Completions


@dataclass(frozen=True, kw_only=True)
class CreateResponse(Response):
    """``completion`` when it was made (201), ``any`` when it was there already (200)."""

    completion: Completion | None = None
    any: Any = None


@dataclass(frozen=True, kw_only=True)
class UpdateResponse(Response):
    """The completion as it is now."""

    completion: Completion


@dataclass(frozen=True, kw_only=True)
class GetCompletionResponse(Response):
    """The completion asked for."""

    completion: Completion


class ListUngradedResponseBody(Model):
    """The completions that wait for feedback."""

    completions: list[Completion]


@dataclass(frozen=True, kw_only=True)
class ListUngradedResponse(Response):
    """``object.completions`` wait for feedback."""

    object: ListUngradedResponseBody


class BatchResult(Model):
    """What became of one completion of a batch."""

    id: str | None = None
    status: int
    """As if it had been sent alone: 201 made, 200 there already, 4xx and 5xx not kept."""
    code: str | None = None
    message: str | None = None
    field: str | None = None

    @property
    def kept(self) -> bool:
        """Whether the server has it."""
        return self.status < 400  # noqa: PLR2004 -- the border between success and failure in HTTP


@dataclass(frozen=True, kw_only=True)
class BatchResponse(Response):
    """One result for each completion that was sent, in order."""

    results: list[BatchResult]


@dataclass(frozen=True, kw_only=True)
class DeleteResponse(Response):
    """The completion is gone."""


@dataclass(frozen=True, kw_only=True)
class DeleteManyResponse(Response):
    """How many completions are gone; none when the server does not say."""

    deleted: int | None


class Group(Model):
    """The figures of one group of calls."""

    key: str | None = None
    calls: int
    failed: int = 0
    input_tokens: Number | None = None
    output_tokens: Number | None = None
    cost: Number | None = None
    """US dollars; none when a price is not known."""
    p50: Number | None = None
    """Seconds, like ``p95`` and ``p99``."""
    p95: Number | None = None
    p99: Number | None = None


class Statistics(Model):
    """Figures by group, and over time."""

    groups: list[Group]
    series: list[dict[str, Json]] | None = None


@dataclass(frozen=True, kw_only=True)
class StatisticsResponse(Response):
    """The figures asked for."""

    statistics: Statistics


# Sessions


class CreateSessionResponseBody(Model):
    """The session that was made."""

    session: Session


@dataclass(frozen=True, kw_only=True)
class CreateSessionResponse(Response):
    """``object.session`` was made."""

    object: CreateSessionResponseBody


@dataclass(frozen=True, kw_only=True)
class GetSessionResponse(Response):
    """The session asked for."""

    session: Session


@dataclass(frozen=True, kw_only=True)
class ListSourcesResponse(Response):
    """All processes that records came from."""

    sources: list[Source]


@dataclass(frozen=True, kw_only=True)
class GetSourceResponse(Response):
    """The process asked for."""

    source: Source


# Feedback


class ListRequestBody(Model):
    """Which feedback to list, and from where."""

    offset: int | None = None
    limit: int | None = None
    completion_id: str | None = None
    task_id: str | None = None


class One(Feedback):
    """Feedback on the completions that have one of the tags in ``completion_tags_selector``."""

    completion_tags_selector: list[str]
    allow_unmatched_feedback: bool | None = None
    """Keep it even when no completion has one of the tags."""
    max_matched_completions: int | None = None
    """Refuse it when more completions than this have one of the tags."""


class Two(Feedback):
    """Feedback on the completions that ``completion_ids`` names."""

    completion_ids: list[str]


@dataclass(frozen=True, kw_only=True)
class GetResponse(Response):
    """The feedback asked for."""

    feedback: Feedback


class ListResponseBody(Model):
    """A list of feedback."""

    feedback: list[Feedback]


@dataclass(frozen=True, kw_only=True)
class ListResponse(Response):
    """``object.feedback`` is the list."""

    object: ListResponseBody


@dataclass(frozen=True, kw_only=True)
class UploadResponse(Response):
    """The feedback as it is kept."""

    feedback: Feedback


# Feedback tasks


@dataclass(frozen=True, kw_only=True)
class ListFeedbackTasksResponse(Response):
    """All tasks of the organization."""

    tasks: list[FeedbackTask]


@dataclass(frozen=True, kw_only=True)
class CreateFeedbackTaskResponse(Response):
    """The task as it is kept."""

    task: FeedbackTask


@dataclass(frozen=True, kw_only=True)
class GetFeedbackTaskResponse(Response):
    """The task asked for."""

    task: FeedbackTask
