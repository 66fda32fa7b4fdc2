"""The OpenTelemetry span in which a call begins, in a program that traces itself.

OpenTelemetry is never imported here: without it in the program there is no span.
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

from log10_trace.guard import guard

_READING: Final = guard("reading the current OpenTelemetry span")


class SpanIds(NamedTuple):
    """The ids of a span, in hexadecimal digits as OpenTelemetry writes them."""

    trace_id: str
    """32 digits."""
    span_id: str
    """16 digits."""


def read_current_span() -> SpanIds | None:
    """The ids of the span that is current on this thread or in this task; none without a valid one."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    # The provider of the program may be any object, and raise; the record is then without the span.
    with _READING:
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            return SpanIds(f"{span.trace_id:032x}", f"{span.span_id:016x}")
    return None
