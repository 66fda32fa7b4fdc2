"""Background responses: the later ``retrieve`` that has the answer, joined to the call that queued it."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any, Final, TypeAlias

from log10_trace.domain.call_labels import FINISHED
from log10_trace.guard import guard
from log10_trace.instrument.recording import CaptureConfig, Recording
from log10_trace.record.call import Call, Sink
from log10_trace.record.content_encoding import decode_body

MAX_QUEUED: Final = 1024
"""Maximum number of background responses awaited; the oldest is forgotten first."""
MAX_QUEUED_BYTES: Final = 64 << 20
"""The requests of these may take so much together; the newest is kept, whatever its size."""

# A cancel answers with the response as well, and ends it.
_PATH: Final = re.compile(r"(?:^|/)responses/([^/?]+)(?:/cancel)?/?(?:\?.*)?$")
_ID: Final = rb'"id"\s*:\s*"([^"]+)"'
_END: Final = rb'"type"\s*:\s*"response\.(?:completed|failed|incomplete|cancelled)"'
_PENDING_STATUSES: Final = ("queued", "in_progress")
_KEPT: Final = (
    "id", "created_ns", "started_ns", "base_url", "organization_id", "tags", "session_id", "metadata",
    "stack", "request", "background_response_id", "via", "trace_id", "span_id", "traced_by",
)  # fmt: skip

QueuedCalls: TypeAlias = OrderedDict[str, Call]
"""Calls whose answer has not come yet, by the provider's id of their background response."""

_queued: Final[QueuedCalls] = OrderedDict()
"""Those of the patched SDKs."""
_LOOKING: Final = guard("looking whether a background response has ended")


def is_background_request(options: Any) -> bool:
    """Whether the SDK was asked for a background response."""
    data = options.json_data
    return isinstance(data, dict) and bool(data.get("background"))


class BackgroundRecording(Recording):
    """A call that asks for a background response."""

    __slots__ = ("_queued",)

    def __init__(
        self, sink: Sink, call: Call, client: Any, options: Any, queued: QueuedCalls = _queued
    ) -> None:
        super().__init__(sink, call, client, options)
        self._queued = queued

    def emit(self) -> None:
        """Hand the call over, and wait for its answer if it has none yet."""
        call = self.call
        # Before: the sink lets go of the body.
        with _LOOKING:
            call.background_response_id = _find_awaited_id(call)
        super().emit()
        if call.background_response_id is not None:
            self._queued[call.background_response_id] = call
            _forget_oldest(self._queued)


class BackgroundResultRecording(Recording):
    """A ``retrieve`` of a background response: the record of the call that queued it, with the answer."""

    __slots__ = ("_queued",)

    def __init__(
        self, sink: Sink, began: Call, client: Any, options: Any, queued: QueuedCalls = _queued
    ) -> None:
        """``began`` is the call that queued the response, one of ``queued``."""
        call = Call(began.endpoint, created_ns=began.created_ns, started_ns=began.started_ns)
        for name in _KEPT:
            setattr(call, name, getattr(began, name))
        super().__init__(sink, call, client, options)
        self._queued = queued

    def on_response(self, response: Any, retries: int | None) -> None:
        """As for any call, except that the request stays that of the call that queued it."""
        request = self.call.request
        super().on_response(response, retries)
        self.call.request = request

    def on_error(self, _error: BaseException, /) -> None:
        """That the answer could not be fetched says nothing of the call: nothing is recorded."""
        self.discard()

    def emit(self) -> None:
        """Hand the call over if this is its answer, and not word that it is still going on."""
        if self.call.status == FINISHED and _has_ended(self.call):
            super().emit()
            self._queued.pop(str(self.call.background_response_id), None)


def resume_background_call(capture: CaptureConfig, client: Any, options: Any) -> Recording | None:
    """The recording of a request that may bring the answer of a queued call; none of any other request."""
    began = find_queued_call(options.url, _queued)
    return BackgroundResultRecording(capture.sink, began, client, options) if began else None


def find_queued_call(url: str, queued: QueuedCalls) -> Call | None:
    """The call whose answer a request for this URL, or this path of one, may bring."""
    path = _PATH.search(url) if queued else None
    return queued.get(path[1]) if path else None


def _find_awaited_id(call: Call) -> str | None:
    """The provider's id of a background response that has not come to its end."""
    # The id stands in the first event: a long stream is not joined for it.
    match = re.search(_ID, _read_body(call, max_chunks=4))
    return None if match is None or _has_ended(call) else match[1].decode()


def _forget_oldest(queued: QueuedCalls) -> None:
    while len(queued) > MAX_QUEUED:
        queued.popitem(last=False)
    # As a list: another thread may add one meanwhile.
    size = sum(len(call.request) for call in list(queued.values()))
    while size > MAX_QUEUED_BYTES and len(queued) > 1:
        _, forgotten = queued.popitem(last=False)
        size -= len(forgotten.request)


def _read_body(call: Call, max_chunks: int | None = None) -> bytes:
    """The body of the response, or what stands in its first chunks."""
    if call.streamed and call.content_encoding:
        return decode_body(call.chunks, call.content_encoding)
    return b"".join(call.chunks[:max_chunks])


def _has_ended(call: Call) -> bool:
    from log10_trace.record import sse  # noqa: PLC0415 -- delivery has imported it
    from log10_trace.record.json_bytes import parse  # noqa: PLC0415 -- as above

    body = _read_body(call)
    if call.streamed and sse.is_stream(body):
        # Not parsed: this is the program's thread, and the stream may be long.
        return re.search(_END, body) is not None
    try:
        response = parse(body)
    except (ValueError, RecursionError):  # it was left in the middle
        return False
    status = response.get("status") if isinstance(response, dict) else None
    return isinstance(status, str) and status not in _PENDING_STATUSES
