"""The OpenTelemetry span in which a call begins, in a program that traces itself.

OpenTelemetry is never imported here: without it in the program there is no span.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from log10_trace.guard import guard

_READING: Final = guard("reading the current OpenTelemetry span")
_OF_CALL: Final = {
    "gen_ai.operation.name": ("chat", "text_completion", "generate_content"),
    "openinference.span.kind": ("LLM",),
    "llm.request.type": ("chat", "completion"),
}
"""Attributes by which a span says that it is of a call of a model, and not of an agent or a tool: those of
OpenTelemetry, OpenInference and OpenLLMetry."""
_UNNAMED: Final = "unknown"


class CurrentSpan(NamedTuple):
    """A span of the program."""

    trace_id: str
    """32 hexadecimal digits, as OpenTelemetry writes them."""
    span_id: str
    """16 hexadecimal digits."""
    traced_by: str | None
    """The instrumentation whose span of this very call it is; none where it is a span of something else."""


def read_current_span() -> CurrentSpan | None:
    """The span that is current on this thread or in this task; none without a valid one."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    # The provider of the program may be any object, and raise; the record is then without the span.
    with _READING:
        current = trace.get_current_span()
        span = current.get_span_context()
        if span.is_valid:
            return CurrentSpan(f"{span.trace_id:032x}", f"{span.span_id:016x}", _read_tracer(current))
    return None


def _read_tracer(span: Any) -> str | None:
    """The name of the instrumentation that made a span of a call of a model."""
    attributes = getattr(span, "attributes", None)
    if not isinstance(attributes, Mapping):
        return None
    if not any(attributes.get(name) in values for name, values in _OF_CALL.items()):
        return None
    scope = getattr(span, "instrumentation_scope", None)
    return str(getattr(scope, "name", None) or _UNNAMED)
