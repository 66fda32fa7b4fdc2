"""The call: the raw data that the caller's thread has when a call of the SDK ends.

The request and the response stand here as the bytes that were on the wire. Turning them into a Completion is
the business of ``record.completion``, on the delivery thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from log10_trace.domain.call_labels import STARTED
from log10_trace.domain.ids import new_id


class Call:
    """One call of the SDK: labels and clock readings from its beginning, bytes and outcome from its end.

    Made by ``instrument``, kept by ``export``; not changed after ``Sink.on_end``.
    """

    id: str
    endpoint: str
    """``/chat/completions``, ``/completions`` or ``/responses``."""
    created_ns: int
    """When the call began: nanoseconds since 1970, UTC."""
    started_ns: int
    """The same moment on ``time.perf_counter_ns``; means something in its own process only."""
    chunks: list[bytes]
    """The body that came back, as it was on the wire, in the pieces it came in."""

    # What is not said of a call stands in the class: most of it never is, and a call costs microseconds.
    status: str = STARTED
    base_url: str | None = None
    organization_id: str | None = None
    tags: tuple[str, ...] = ()
    session_id: str | None = None
    metadata: dict[str, Any] | None = None
    stack: bytes = b"[]"
    """JSON: ``[{"file", "line", "lineno", "name"}, ...]``, outermost first."""
    request: bytes = b""
    """The body that was sent, as it was on the wire; JSON of the SDK's options when nothing was sent."""
    write_request: Callable[[], bytes] | None = None
    """Writes the request from the SDK's options, for a call that runs and whose bytes are not known yet."""
    streamed: bool = False
    """The chunks were observed on the wire, so ``content_encoding`` still stands over them."""
    content_type: str | None = None
    content_encoding: str | None = None
    status_code: int | None = None
    """The HTTP status; none when no answer came."""
    duration_ns: int | None = None
    first_token_ns: int | None = None
    """From ``started_ns`` to the first data of a stream."""
    request_id: str | None = None
    retries: int | None = None
    interrupted: bool = False
    failure_kind: str | None = None
    failure_reason: str | None = None
    background_response_id: str | None = None
    """The provider's id of a background response, which joins its later ``retrieve`` to this call."""
    body_json: bytes | None = None
    """The Completion as JSON, when it was made already (after redaction); then it is all that counts."""
    source: str | None = None
    """The process that made the record; set by ``export``, like ``sequence``."""
    sequence: int | None = None
    trace_id: str | None = None
    """Of the OpenTelemetry span that was current when the call began: 32 hexadecimal digits."""
    span_id: str | None = None
    """The id of that span: 16 hexadecimal digits."""
    via: str | None = None
    """What recorded the call in the place of ``patch()``: ``proxy``."""
    traced_by: str | None = None
    """The instrumentation whose span of this very call that is."""

    def __init__(self, endpoint: str, created_ns: int, started_ns: int) -> None:
        self.id = new_id(created_ns)
        self.endpoint = endpoint
        self.created_ns = created_ns
        self.started_ns = started_ns
        self.chunks = []


class Sink(Protocol):
    """The interface between capture and delivery. Called on the caller's thread; neither method may block."""

    def on_start(self, call: Call) -> None:
        """A call has begun: show it as started, should it take longer than a flush interval."""
        ...

    def on_end(self, call: Call) -> None:
        """A call has ended: when this returns, its record survives the process."""
        ...
