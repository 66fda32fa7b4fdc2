"""The state of one call that is being recorded: what is noted at its start, its response and its end.

Everything here runs on the caller's thread. Bytes are referred to, never copied or read; ``Sink.on_end`` is
called exactly once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from log10_trace.context import Scope, merge_tags, process_session
from log10_trace.domain.call_labels import FAILED, FINISHED, RESPONSES
from log10_trace.domain.metadata import merge_metadata
from log10_trace.domain.sdk_names import SDK_NAMES
from log10_trace.guard import guard
from log10_trace.instrument import wire
from log10_trace.instrument.current_span import read_current_span
from log10_trace.instrument.error_signs import MASK, tells_of_error
from log10_trace.instrument.sampling import EVERYTHING, Sampling
from log10_trace.record.call import Call, Sink
from log10_trace.record.content_encoding import decode_body
from log10_trace.unpatched import time

_BEGINNING: Final = guard("beginning a call")
_RECORDING: Final = guard("recording a call")
_DESCRIBING: Final = guard("reading the message of an exception")
_MASKING: Final = guard("masking the credentials of a call")

_CANCELLATION_TYPES: Final = ("CancelledError", "Cancelled", "KeyboardInterrupt", "SystemExit")
"""What ends a call from outside, whatever its consumer does meanwhile."""

END: Final = b"data: [DONE]\n\n"
"""What the last piece of a stream ends with."""


class CaptureConfig:
    """Where calls go and what they are labelled with; made anew by every ``patch()``."""

    __slots__ = ("metadata", "organization_id", "sampling", "sdks", "sink", "tags")

    def __init__(
        self,
        sink: Sink,
        tags: tuple[str, ...] = (),
        metadata: dict[str, Any] | None = None,
        organization_id: str | None = None,
        sampling: Sampling = EVERYTHING,
        *,
        sdks: tuple[str, ...] = SDK_NAMES,
    ) -> None:
        self.sink = sink
        self.tags = tags
        self.metadata = metadata
        self.organization_id = organization_id
        self.sampling = sampling
        self.sdks = sdks


def new_call(
    capture: CaptureConfig, endpoint: str, scope: Scope, stack: bytes, *, is_sampled: bool = True
) -> Call:
    """A call that begins now, labelled with what is in force in ``scope``."""
    # By position: names would cost a dictionary.
    call = Call(endpoint, time.time_ns(), time.perf_counter_ns())
    session = scope.session or process_session()
    if is_sampled:
        session.last_completion_id = call.id
    call.session_id = session.id
    call.tags = scope.tags if not capture.tags else merge_tags(capture.tags, scope.tags)
    if capture.metadata or scope.metadata:
        call.metadata = merge_metadata(capture.metadata, scope.metadata)
    call.organization_id = capture.organization_id
    call.stack = stack
    if (span := read_current_span()) is not None:
        call.trace_id, call.span_id, call.traced_by = span
    return call


class Recording:
    """One call under way."""

    __slots__ = ("call", "client", "options", "sent", "sink")

    def __init__(self, sink: Sink, call: Call, client: Any, options: Any) -> None:
        self.sink = sink
        self.call = call
        self.client = client
        self.options = options
        self.sent: tuple[Any, ...] = ()
        _in_progress[id(self)] = self

    def on_start(self) -> None:
        """The call is about to be made."""
        try:
            self.call.write_request = partial(wire.options_json, self.options)
            self.sink.on_start(self.call)
        except Exception as error:  # noqa: BLE001 -- the guard keeps it
            _BEGINNING.keep(error)

    def on_request(self, request: Any) -> None:
        """The SDK has made the HTTP request that it is about to send, or to send again."""
        self._note_sent(request)
        body = wire.body(request)
        if body:
            self.call.request = body

    def on_response(self, response: Any, retries: int | None) -> None:
        """The SDK has received a response's head; its body may follow."""
        call = self.call
        call.retries = retries
        call.status_code = response.status_code
        request = response.request
        # Almost always the one whose body was noted when it was made.
        sent = self.sent
        if not call.request or not sent or sent[-1] is not request:
            self._note_sent(request)
            call.request = wire.body(request) or call.request or wire.options_json(self.options)
        wire.read_headers(call, response.headers)
        content = wire.body(response)
        if content is None:
            call.streamed = True
        else:
            call.chunks = [content]

    def on_return(self) -> None:
        """The SDK has given the caller a result."""
        if not self.call.streamed:
            # Nothing is sent where a middleware of the SDK has answered.
            self.call.request = self.call.request or wire.options_json(self.options)
            self.finish()

    def on_error(self, error: BaseException, /) -> None:
        """The SDK has raised."""
        call = self.call
        # With a status the response was noted: the exception came from reading it.
        if call.status_code is None:
            self._note_failure(error)
        self.finish(error)

    def _note_failure(self, error: BaseException) -> None:
        """What is known of a call whose response the SDK never handed on."""
        call = self.call
        request, response = wire.safe_getattr(error, "request"), wire.safe_getattr(error, "response")
        self._note_sent(request)
        call.request = wire.body(request) or call.request or wire.options_json(self.options)
        call.retries = wire.retries(self.sent[-1] if self.sent else None)
        if response is not None:
            call.status_code = response.status_code
            wire.read_headers(call, response.headers)
            body = wire.body(response)
            call.chunks = [body] if body else []

    def _note_sent(self, request: Any) -> None:
        """Remember a request of this call, for the credentials in it; retries and redirects make others."""
        if not self.sent:
            # Nearly every call has one.
            self.sent = () if request is None else (request,)
        elif request is not None and request not in self.sent:
            self.sent = (*self.sent, request)

    def on_chunk(self, chunk: bytes) -> bool:
        """A piece of the body has come. Whether those after it are but to be kept, up to ``END``."""
        call = self.call
        # openai 3 reads on after [DONE], to use the connection again: the call has ended by then.
        if call.duration_ns is not None:
            return False
        call.chunks.append(chunk)
        # Comments come before the first token (OpenRouter sends them while it waits); what a compressed chunk
        # holds is not known without reading it.
        if call.first_token_ns is None and (b"data:" in chunk or call.content_encoding):
            call.first_token_ns = time.perf_counter_ns() - call.started_ns
        if chunk.endswith(END):
            # Said here rather than at the close: openai 1.0 to 1.2 leave the stream open.
            self.finish()
            return False
        return call.first_token_ns is not None

    def on_abandoned(self) -> None:
        """The stream was closed or abandoned before its end."""
        # A stream that is closed on the way out of a cancelled task tells it by the exception under way.
        # Known by name, so that neither asyncio nor trio is imported here.
        stopped = sys.exc_info()[1]
        if type(stopped).__name__ in _CANCELLATION_TYPES:
            self.finish(stopped)
        else:
            self.finish(interrupted=True)

    def finish(self, error: BaseException | None = None, *, interrupted: bool = False) -> None:
        """The call is over. Only the first word counts."""
        # In one step: consumer, garbage collector and the end of the program may all end it, each in its
        # thread.
        if _in_progress.pop(id(self), None) is None:
            return
        try:
            call = self.call
            call.duration_ns = time.perf_counter_ns() - call.started_ns
            call.interrupted = interrupted
            # It refers to objects of the program, which are not to live for as long as the record waits.
            call.write_request = None
            call.status = FINISHED
            if error is not None:
                self._note_error(error)
            whole = call.chunks[0] if len(call.chunks) == 1 and not call.streamed else None
            # Almost every call ends here without an error, and with a body that is looked at once.
            if error is not None or whole is None or tells_of_error(whole, whole=call.endpoint == RESPONSES):
                self._mask_credentials()
            self.emit()
        except Exception as fault:  # noqa: BLE001 -- the guard keeps it
            _RECORDING.keep(fault)

    def _note_error(self, error: BaseException) -> None:
        call = self.call
        call.status = FAILED
        call.failure_kind = type(error).__name__
        # A method of the program's own class, perhaps: if it raises, the record has no reason.
        with _DESCRIBING:
            call.failure_reason = str(error)

    def _mask_credentials(self) -> None:
        """Mask what the call was sent with where an error repeats it, before anything is kept."""
        call = self.call
        with _MASKING:
            # Joined here once: it would be joined to be kept in any case.
            body = b"".join(call.chunks)
            if call.streamed and call.content_encoding:
                body = decode_body(call.chunks, call.content_encoding)
            elif len(call.chunks) > 1:
                call.chunks[:] = [body]
            is_error = self._is_error(body)
            if is_error or call.failure_reason:
                from log10_trace.instrument.credentials import Credentials  # noqa: PLC0415 -- few calls fail

                credentials = Credentials(self.client, self.sent, call.request)
                masked = credentials.mask(body) if is_error else body
                if masked is not body:
                    call.chunks, call.content_encoding = [masked], None
                call.failure_reason = call.failure_reason and credentials.mask_text(call.failure_reason)
            return
        # The guard has kept an exception: what could not be masked is not kept.
        call.chunks, call.failure_reason = [], call.failure_reason and MASK

    def _is_error(self, body: bytes) -> bool:
        call = self.call
        if call.failure_kind is not None and not call.streamed:
            return True
        # The SDK stops at an error in a stream, and the program's reading with it.
        stopped = call.interrupted or call.failure_kind is not None
        return tells_of_error(body, whole=stopped or call.endpoint == RESPONSES)

    def discard(self) -> None:
        """Forget the call without a record."""
        _in_progress.pop(id(self), None)

    def emit(self) -> None:
        """Hand the call over."""
        self.sink.on_end(self.call)


_in_progress: Final[dict[int, Recording]] = {}
"""Calls under way, by the id of their recording. A call that is not here has ended."""

# A forked child has copies of its parent's open calls, and they are the parent's to end.
os.register_at_fork(after_in_child=_in_progress.clear)


def open_streams() -> Iterable[Recording]:
    """The calls whose stream is still open."""
    return [recording for recording in list(_in_progress.values()) if recording.call.streamed]
