"""Background responses: the later ``retrieve`` that has the answer, joined to the call that queued it."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any, Final

from log10_trace.domain.call_labels import FINISHED
from log10_trace.instrument.recording import CaptureConfig, Recording
from log10_trace.record.call import Call, Sink

MAX_QUEUED: Final = 1024
"""Maximum number of background responses awaited; the oldest is forgotten first."""

# A cancel answers with the response as well, and ends it.
_PATH: Final = r"/?responses/([^/?]+)(?:/cancel)?/?(?:\?.*)?"
_ID: Final = rb'"id"\s*:\s*"([^"]+)"'
_END: Final = rb'"type"\s*:\s*"response\.(?:completed|failed|incomplete|cancelled)"'
_PENDING_STATUSES: Final = ("queued", "in_progress")
_KEPT: Final = (
    "id", "created_ns", "started_ns", "base_url", "organization_id", "tags", "session_id", "metadata",
    "stack", "request", "background_response_id",
)  # fmt: skip

_queued: Final[OrderedDict[str, Call]] = OrderedDict()


def is_background_request(options: Any) -> bool:
    """Whether the SDK was asked for a background response."""
    data = options.json_data
    return isinstance(data, dict) and bool(data.get("background"))


class BackgroundRecording(Recording):
    """A call that asks for a background response."""

    __slots__ = ()

    def emit(self) -> None:
        """Hand the call over, and wait for its answer if it has none yet."""
        super().emit()
        # The id stands in the first event: a long stream is not joined for it.
        match = re.search(_ID, b"".join(self.call.chunks[:4]))
        if match is None or _has_ended(self.call):
            return
        self.call.background_response_id = match[1].decode()
        _queued[self.call.background_response_id] = self.call
        while len(_queued) > MAX_QUEUED:
            _queued.popitem(last=False)


class BackgroundResultRecording(Recording):
    """A ``retrieve`` of a background response: the record of the call that queued it, with the answer."""

    __slots__ = ()

    def __init__(self, sink: Sink, queued: Call, client: Any, options: Any) -> None:
        call = Call(queued.endpoint, created_ns=queued.created_ns, started_ns=queued.started_ns)
        for name in _KEPT:
            setattr(call, name, getattr(queued, name))
        super().__init__(sink, call, client, options)

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
            _queued.pop(str(self.call.background_response_id), None)


def resume_background_call(capture: CaptureConfig, client: Any, options: Any) -> Recording | None:
    """The recording of a request that may bring the answer of a queued call; none of any other request."""
    if not _queued:
        return None
    path = re.fullmatch(_PATH, options.url)
    queued = _queued.get(path[1]) if path else None
    return BackgroundResultRecording(capture.sink, queued, client, options) if queued else None


def _has_ended(call: Call) -> bool:
    body = b"".join(call.chunks)
    if call.streamed:
        # Not parsed: this is the program's thread, and the stream may be long.
        return re.search(_END, body) is not None
    from log10_trace.record.json_bytes import parse  # noqa: PLC0415 -- delivery has imported it

    response = parse(body)
    status = response.get("status") if isinstance(response, dict) else None
    return isinstance(status, str) and status not in _PENDING_STATUSES
