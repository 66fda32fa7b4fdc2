"""The small fields of a record, read once for lists, sessions and the page of one call alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.call_labels import describe_status, determine_status
from log10_trace.domain.call_times import read_began_ms, read_seconds
from log10_trace.domain.json_values import read_text
from log10_trace.domain.labels import MAX_TAGS
from log10_trace.server.pages import json_access

FIELDS: Final = (
    "status", "kind", "tags", "session_id", "created_at", "duration", "time_to_first_token", "endpoint",
    "failure_kind", "failure_reason", "request_id", "retries", "interrupted", "trace_id", "span_id", "via",
    "traced_by",
)  # fmt: skip
"""The fields that ``labels`` reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFields:
    """What every view of a call shows of it. Times are milliseconds since 1970, lengths are seconds."""

    id: str
    status: str
    kind: str
    tags: tuple[str, ...]
    session_id: str
    began_ms: int | None
    duration: float | None
    time_to_first_token: float | None
    endpoint: str
    failure_kind: str
    failure_reason: str
    request_id: str
    retries: int | None
    interrupted: bool
    trace_id: str
    span_id: str
    via: str
    traced_by: str

    @property
    def display_status(self) -> str:
        """The status in words: ``running``, ``finished``, ``interrupted``, ``failed``."""
        return describe_status(self.status, interrupted=self.interrupted)


def labels(completion_id: str, values: Mapping[str, Any]) -> CallFields:
    """The labels of the record with these values."""
    return CallFields(
        id=completion_id,
        status=determine_status(values),
        kind=read_text(values.get("kind")),
        tags=tuple(tag for tag in json_access.sequence(values.get("tags"), MAX_TAGS) if isinstance(tag, str)),
        session_id=read_text(values.get("session_id")),
        began_ms=read_began_ms(completion_id, values.get("created_at")),
        duration=read_seconds(values.get("duration")),
        time_to_first_token=read_seconds(values.get("time_to_first_token")),
        endpoint=read_text(values.get("endpoint")),
        failure_kind=read_text(values.get("failure_kind")),
        failure_reason=read_text(values.get("failure_reason")),
        request_id=read_text(values.get("request_id")),
        retries=json_access.integer(values.get("retries")),
        interrupted=values.get("interrupted") is True,
        trace_id=read_text(values.get("trace_id")),
        span_id=read_text(values.get("span_id")),
        via=read_text(values.get("via")),
        traced_by=read_text(values.get("traced_by")),
    )
