"""A record as the attributes of its span read it: every part of it typed, whatever the record holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from log10_trace.domain.call_labels import FAILED, PROMPT, RESPONSES, STARTED, determine_status
from log10_trace.domain.call_times import read_began_ms, read_seconds
from log10_trace.domain.charges import Usage, read_usage
from log10_trace.domain.json_values import read_list, read_mapping, read_text
from log10_trace.otlp.providers import CallTarget, find_target

CHAT: Final = "chat"
TEXT_COMPLETION: Final = "text_completion"
_OF_OPENAI: Final = ("openai", "azure.ai.openai")
_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000
_LAST_NS: Final = (1 << 64) - 1
_UTC: Final = ("Z", "+00:00")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


# Not frozen: that makes each of the many that a second sees three times as slow to make.
@dataclass(slots=True)
class SpanCall:
    """A call that has ended, read for its span."""

    record: Mapping[str, Any]
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    native_request: Mapping[str, Any]
    """The request of a ``responses`` call as it was sent; empty for other calls."""
    usage: Usage
    target: CallTarget
    start_ns: int
    end_ns: int
    frame: Mapping[str, Any]
    """The innermost frame of the call site."""
    operation: str
    """``chat`` or ``text_completion``."""
    model: str
    """The requested model; empty where the request names none."""
    is_openai: bool
    """Whether the conventions' ``openai.*`` attributes are meant for the provider."""
    has_failed: bool

    @property
    def is_response_call(self) -> bool:
        """Whether it is a call of the Responses API."""
        return self.record.get("endpoint") == RESPONSES


def read_call(record: Mapping[str, Any]) -> SpanCall | None:
    """The call of a record; None when it has not ended, or has no time that a span could begin at."""
    status = determine_status(record)
    if status == STARTED:
        return None
    start_ns = _read_start_ns(record)
    if start_ns is None:
        return None
    request = read_mapping(record.get("request"))
    response = read_mapping(record.get("response"))
    frames = read_list(record.get("stacktrace"))
    target = find_target(read_text(record.get("base_url")))
    return SpanCall(
        record=record,
        request=request,
        response=response,
        native_request=read_mapping(record.get("native_request")),
        usage=read_usage(read_mapping(record.get("native_response")), response),
        target=target,
        start_ns=_clamp(start_ns),
        end_ns=_clamp(start_ns + int((read_seconds(record.get("duration")) or 0.0) * _NS_PER_S)),
        frame=read_mapping(frames[-1]) if frames else {},
        operation=TEXT_COMPLETION if record.get("kind") == PROMPT else CHAT,
        model=read_text(request.get("model")),
        is_openai=target.provider in _OF_OPENAI,
        has_failed=status == FAILED,
    )


def _clamp(time_ns: int) -> int:
    """The nearest time that OTLP can say: from 1970 to 2554."""
    return min(max(time_ns, 0), _LAST_NS)


def _read_start_ns(record: Mapping[str, Any]) -> int | None:
    """When the call began, to the microsecond where the record says so."""
    stated = read_text(record.get("created_at"))
    if stated.endswith(_UTC):
        try:
            moment = datetime.fromisoformat(stated.replace("Z", "+00:00"))
        except ValueError:
            pass
        else:
            # ``2026-11-30+00:00`` is read as a time of that day, and not as a zone.
            since = moment.replace(tzinfo=timezone.utc) - _EPOCH
            return (since.days * 86_400 + since.seconds) * _NS_PER_S + since.microseconds * 1_000
    began_ms = read_began_ms(read_text(record.get("id")), stated)
    return None if began_ms is None else began_ms * _NS_PER_MS
