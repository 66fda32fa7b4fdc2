"""What the operations on completions answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from log10_trace.models.base import Model, Number
from log10_trace.models.completion import Completion, CompletionSummary
from log10_trace.models.response import Response


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
    """The completions that wait for feedback, or one page of them."""

    completions: list[Completion]
    next_cursor: str | None = None
    """Where the next page begins; none after the last."""


@dataclass(frozen=True, kw_only=True)
class ListUngradedResponse(Response):
    """``object.completions`` wait for feedback."""

    object: ListUngradedResponseBody


@dataclass(frozen=True, kw_only=True)
class LookUpResponse(Response):
    """The ``completions`` that a part of an id may stand for."""

    completions: list[CompletionSummary]


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


class Limits(Model):
    """What the server takes at once."""

    batch_items: int
    batch_bytes: int


@dataclass(frozen=True, kw_only=True)
class LimitsResponse(Response):
    """What the server takes at once."""

    limits: Limits


@dataclass(frozen=True, kw_only=True)
class DeleteResponse(Response):
    """The completion is gone."""


@dataclass(frozen=True, kw_only=True)
class DeleteManyResponse(Response):
    """Number of deleted completions; None when the server does not state it."""

    deleted: int | None


class Group(Model):
    """The figures of one group of calls."""

    key: str | None = None
    """The model, tag, session, call site or kind of failure; none for all calls together."""
    start: str | None = None
    """When the step of time began, in ``Statistics.series``."""
    calls: int
    failed: int = 0
    input_tokens: Number | None = None
    output_tokens: Number | None = None
    cost: Number | None = None
    """US dollars; none when no call could be priced."""
    unpriced: int | None = None
    """Calls whose price is not known, and which are not in ``cost``."""
    p50: Number | None = None
    """Seconds, like ``p95`` and ``p99``."""
    p95: Number | None = None
    p99: Number | None = None
    first_token_p50: Number | None = None
    """Seconds to the first token of a stream."""
    first_token_p95: Number | None = None


class Statistics(Model):
    """Figures by group, and over time."""

    groups: list[Group]
    series: list[Group]
    """The same figures for each step of time; ``start`` is when the step begins."""
    exact: bool = True
    """Whether the figures are of what matches; otherwise they are of the calls that ``counted`` means."""
    counted: dict[str, Any] | None = None
    """The filters that the figures obey."""


@dataclass(frozen=True, kw_only=True)
class StatisticsResponse(Response):
    """The figures asked for."""

    statistics: Statistics
