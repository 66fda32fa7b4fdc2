"""What the operations on feedback and feedback tasks take and answer with."""

from __future__ import annotations

from dataclasses import dataclass

from log10_trace.models.base import Model
from log10_trace.models.feedback import Feedback, FeedbackTask
from log10_trace.models.response import Response


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
    total: int | None = None
    """How many there are, on all pages."""


@dataclass(frozen=True, kw_only=True)
class ListResponse(Response):
    """``object.feedback`` is the list."""

    object: ListResponseBody


@dataclass(frozen=True, kw_only=True)
class UploadResponse(Response):
    """The feedback as it is kept."""

    feedback: Feedback


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
