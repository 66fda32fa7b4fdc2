"""A call that ``sample_rate`` leaves out, and ``keep_failures`` records all the same when it fails."""

from __future__ import annotations

from typing import Any

from log10_trace.context import Session
from log10_trace.domain.call_labels import FAILED, RESPONSES
from log10_trace.instrument.error_signs import tells_of_error
from log10_trace.instrument.recording import CaptureConfig, Recording
from log10_trace.record.call import Call
from log10_trace.record.outcome import determine_outcome


class FailureRecording(Recording):
    """A call that is recorded only when it fails; while it runs, nobody is told of it."""

    __slots__ = ("_count_left_out", "_session")

    def __init__(
        self, capture: CaptureConfig, call: Call, client: Any, options: Any, *, session: Session
    ) -> None:
        super().__init__(capture.sink, call, client, options)
        self._count_left_out = capture.sampling.count_left_out
        self._session = session

    def on_start(self) -> None:
        """The call is about to be made."""

    def emit(self) -> None:
        """Hand the call over if it has failed."""
        if _has_failed(self.call):
            self._session.last_completion_id = self.call.id
            super().emit()
            return
        # A program may hold its streams, and through them their calls, for as long as it likes.
        self.call.chunks.clear()
        self._count_left_out()


def _has_failed(call: Call) -> bool:
    if call.status == FAILED:
        return True
    is_compressed = call.streamed and call.content_encoding is not None
    body = b"".join(call.chunks)
    # This is the program's thread: a body is parsed only where it may tell of an error.
    if not is_compressed and not tells_of_error(body, whole=call.interrupted or call.endpoint == RESPONSES):
        return False
    return determine_outcome(call).status == FAILED
