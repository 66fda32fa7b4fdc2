"""Feedback, feedback tasks, sessions and sources."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from log10_trace.models.base import Model, Number

# What was read from JSON stays a plain dict; the documentation's classes are taken when they are given.
_FIRST_THAT_FITS = Field(union_mode="left_to_right")


class JSONSchema(Model):
    """A JSON Schema: an object of any fields."""


class JSONValues(Model):
    """The values of a feedback: an object of any fields, valid by its task's schema."""


class CompletionTagsSelector(Model):
    """The tags that a task selects by, in the form of an object."""


class FeedbackTask(Model):
    """What is asked about completions: instructions for people, a JSON Schema for their answers."""

    json_schema: Annotated[dict[str, Any] | JSONSchema | None, _FIRST_THAT_FITS] = None
    """The schema that the values of a feedback on this task hold to."""
    name: str | None = None
    instruction: str | None = None
    """What the grader is to do, in words."""
    completion_tags_selector: Annotated[
        list[str] | dict[str, Any] | CompletionTagsSelector | None, _FIRST_THAT_FITS
    ] = None
    """A completion with one of these tags waits for feedback on this task."""
    id: str | None = None
    created_at_ms: Number | None = None
    """Milliseconds since 1970, UTC."""


Task = FeedbackTask
"""The name that the API's documentation uses."""


class Feedback(Model):
    """One answer to a task, about one or more completions."""

    organization_id: str | None = None
    task_id: str | None = None
    json_values: Annotated[dict[str, Any] | JSONValues | None, _FIRST_THAT_FITS] = None
    """The answer itself, valid by the task's schema."""
    matched_completion_ids: list[str] | None = None
    """The completions it is about."""
    comment: str | None = None
    id: str | None = None
    created_at_ms: Number | None = None
    """Milliseconds since 1970, UTC."""
    completions_summary: str | None = None


class Session(Model):
    """A session: the id that joins its completions, and what the server counts of them."""

    id: str | None = None
    first_at: str | None = None
    """When its first call began; UTC, RFC 3339."""
    last_at: str | None = None
    """When its last call began."""
    calls: int | None = None
    failed: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Number | None = None
    """US dollars; none when no call could be priced."""


class Source(Model):
    """A process that records came from. It numbers them 1, 2, 3, ..., so gaps can be named."""

    source: str
    count: int
    """How many of its records the server has."""
    last: int | None = None
    """The highest number among them."""
    missing: list[list[int]] | None = None
    """The numbers below ``last`` that the server does not have, as ranges from and to, both included."""
