"""The record of one exchange: what is noted of it while its bytes pass.

Every method is called before the client has the bytes that it is about, so that nothing a client has seen is
without a record. No exception of ours reaches the exchange.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Final

from log10_trace.context import process_session
from log10_trace.domain.call_labels import RESPONSES
from log10_trace.domain.endpoint_paths import EndpointPath, match_path
from log10_trace.guard import guard, log_rate_limited
from log10_trace.instrument import background, wire
from log10_trace.instrument.failure_recording import FailureRecording
from log10_trace.instrument.recording import END, CaptureConfig, Recording, new_call
from log10_trace.proxy.failures import ClientDisconnected, ExchangeFailure, status_failure
from log10_trace.proxy.heads import Fields, RequestHead, ResponseHead, find
from log10_trace.proxy.labels import read_scope, read_span
from log10_trace.proxy.target import Target
from log10_trace.record import sse
from log10_trace.record.body_sizes import CUT_BYTES, find_room
from log10_trace.record.call import Call
from log10_trace.record.content_encoding import decode_body
from log10_trace.record.json_bytes import parse
from log10_trace.unpatched import time

VIA: Final = "proxy"
_RECORDING: Final = guard("recording an exchange")
_MIN_FAILED_STATUS: Final = 400


class SentRequest:
    """A request as ``instrument.credentials`` looks for what is secret in it."""

    __slots__ = ("headers", "path")

    def __init__(self, head: RequestHead) -> None:
        self.headers = _Headers(head.fields)
        self.path = head.path.decode("latin-1")


class _Headers:
    __slots__ = ("_fields",)

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def multi_items(self) -> list[tuple[str, str]]:
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields]


class Recorder:
    """Begins the recording of each exchange that is to be recorded."""

    def __init__(self, capture: CaptureConfig, target: Target, keep_started: Callable[[Call], None]) -> None:
        """``keep_started`` brings a call that runs to disk."""
        self._capture = capture
        self._origin = f"{target.scheme}://{target.authority}"
        self._keep_started = keep_started
        self._queued: background.QueuedCalls = OrderedDict()

    def begin(self, head: RequestHead) -> ExchangeRecording | None:
        """The recording of an exchange; none where it is not recorded."""
        with _RECORDING:
            url = head.path.decode("latin-1")
            path = match_path(url) if head.method == b"POST" else None
            return self._resume(head, url) if path is None else self._begin(head, path)
        return None

    def _resume(self, head: RequestHead, url: str) -> ExchangeRecording | None:
        """The recording of a request that may bring the answer of a background response."""
        began = background.find_queued_call(url, self._queued)
        if began is None:
            return None
        result = background.BackgroundResultRecording(self._capture.sink, began, None, None, self._queued)
        result.sent = (SentRequest(head),)
        return ResultExchangeRecording(result, None)

    def _begin(self, head: RequestHead, path: EndpointPath) -> ExchangeRecording | None:
        capture, scope = self._capture, read_scope(head.fields)
        is_sampled = capture.sampling.keeps(scope)
        if not is_sampled and not capture.sampling.keep_failures:
            capture.sampling.count_left_out()
            return None
        call = new_call(capture, path.endpoint, scope, b"[]", is_sampled=is_sampled)
        # The proxy's own session would join the calls of programs that have nothing to do with each other.
        call.session_id = scope.session.id if scope.session is not None else None
        call.via = VIA
        call.trace_id, call.span_id = read_span(head.fields)
        call.base_url = f"{self._origin}{path.prefix}/"
        call.retries = wire.read_retries(find(head.fields, b"x-stainless-retry-count"))
        recording: Recording
        if is_sampled:
            is_response = path.endpoint == RESPONSES
            recording = (
                _ResponsesRecording(capture.sink, call, None, None, self._queued)
                if is_response
                else Recording(capture.sink, call, None, None)
            )
            capture.sink.on_start(call)
        else:
            session = scope.session or process_session()
            recording = FailureRecording(capture, call, None, None, session=session)
        recording.sent = (SentRequest(head),)
        return ExchangeRecording(recording, self._keep_started if is_sampled else None)


class _ResponsesRecording(background.BackgroundRecording):
    """A call of the Responses API; whether it asks for a background response is known when its body is."""

    __slots__ = ()

    def emit(self) -> None:
        """Hand the call over, and wait for the answer of one that asks for a background response."""
        if _asks_for_background(self.call.request):
            super().emit()
        else:
            Recording.emit(self)


def _asks_for_background(request: bytes) -> bool:
    if b'"background"' not in request:
        return False
    try:
        asked = parse(request)
    except (ValueError, RecursionError):
        return False
    return isinstance(asked, dict) and bool(asked.get("background"))


class ExchangeRecording:
    """The recording of one exchange."""

    __slots__ = (
        "_call", "_is_cut", "_is_stream", "_keep_started", "_max_bytes", "_recording", "_request", "_room",
    )  # fmt: skip

    def __init__(self, recording: Recording, keep_started: Callable[[Call], None] | None) -> None:
        self._recording = recording
        self._call = recording.call
        self._keep_started = keep_started
        self._request: list[bytes] = []
        self._max_bytes = find_room(self._call.endpoint)
        self._room = self._max_bytes
        self._is_stream = self._is_cut = False

    @property
    def has_ended(self) -> bool:
        """Whether the record is made."""
        return self._call.duration_ns is not None

    def on_request_piece(self, piece: bytes) -> None:
        """A piece of the request's body has come."""
        self._keep(self._request, piece)

    def on_request_end(self) -> None:
        """The request is whole."""
        self._call.request = b"".join(self._request)
        self._request.clear()
        self._room = self._max_bytes - len(self._call.request)
        self._is_cut = False

    def on_response_head(self, head: ResponseHead) -> None:
        """The head of the response has come; interim ones are not told of."""
        with _RECORDING:
            call = self._call
            if self._request:
                self.on_request_end()
            call.status_code = head.status
            wire.read_headers(call, SimpleNamespace(raw=head.fields))
            call.streamed = True
            self._is_stream = "event-stream" in (call.content_type or "").lower()

    def on_pieces(self, pieces: list[bytes]) -> None:
        """Pieces of the response's body have come."""
        if self.has_ended:
            return
        with _RECORDING:
            call, data = self._call, b"".join(pieces)
            if not call.chunks and not call.content_encoding:
                # Some servers send events as another type.
                self._is_stream = self._is_stream or sse.is_stream(data)
            self._keep(call.chunks, data)
            if not self._is_stream:
                return
            if call.first_token_ns is None and (b"data:" in data or call.content_encoding):
                call.first_token_ns = time.perf_counter_ns() - call.started_ns
            # Clients close the connection once they have this: the response is whole by then.
            if data.endswith(END) and self._is_good:
                self._recording.finish()

    def on_end(self) -> None:
        """The response is whole."""
        with _RECORDING:
            call = self._call
            if self.has_ended:
                return
            if self._is_stream and self._is_good:
                self._recording.finish()
                return
            body = b"".join(call.chunks)
            if self._is_good and call.content_encoding:
                # It is decoded later, where the record is written.
                self._recording.finish()
                return
            call.chunks = [decode_body([body], call.content_encoding)]
            call.content_encoding, call.streamed = None, False
            failure = None if self._is_good else status_failure(call.status_code or 0, call.chunks[0])
            self._recording.finish(failure)

    def on_failure(self, failure: ExchangeFailure) -> None:
        """The response broke off."""
        with _RECORDING:
            self._recording.finish(failure)

    def on_client_gone(self) -> None:
        """The client closed its connection before the response was whole."""
        with _RECORDING:
            if self._call.status_code is not None:
                self._recording.finish(interrupted=True)
                return
            if self._request:
                self.on_request_end()
            self._recording.finish(
                ClientDisconnected("The client closed the connection before the response began.")
            )

    def keep_started(self) -> None:
        """Bring what is known of a call that runs to disk, once: the client is about to see a part of it."""
        keep, self._keep_started = self._keep_started, None
        if keep is not None and not self.has_ended:
            with _RECORDING:
                keep(self._call)

    @property
    def _is_good(self) -> bool:
        return (self._call.status_code or 0) < _MIN_FAILED_STATUS

    def _keep(self, pieces: list[bytes], piece: bytes) -> None:
        """Keep a piece, unless the body is too large; of such a one its beginning is kept."""
        if self._is_cut or not piece:
            return
        pieces.append(piece)
        self._room -= len(piece)
        if self._room < 0:
            self._is_cut = True
            pieces[:] = [b"".join(pieces)[:CUT_BYTES]]
            log_rate_limited(
                "log10_trace: request and response have more than %d MiB; of a body %d MiB at most are kept",
                self._max_bytes >> 20,
                CUT_BYTES >> 20,
            )


class ResultExchangeRecording(ExchangeRecording):
    """The recording of an exchange that fetches a background response: the request is that of the call."""

    __slots__ = ()

    def on_request_piece(self, _piece: bytes) -> None:
        """A piece of the request's body has come."""

    def on_request_end(self) -> None:
        """The request is whole."""
