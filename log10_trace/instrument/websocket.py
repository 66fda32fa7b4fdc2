"""Responses over a WebSocket: ``responses.connect()``.

A ``response.create`` that is sent begins a call; the events that come back are its stream, until one that
ends it. Responses of one connection come one after the other.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final
from weakref import WeakKeyDictionary

from log10_trace.context import current, process_session
from log10_trace.domain.call_labels import RESPONSES
from log10_trace.guard import guard
from log10_trace.instrument import wire
from log10_trace.instrument.failure_recording import FailureRecording
from log10_trace.instrument.recording import Recording, new_call
from log10_trace.instrument.stack import sites
from log10_trace.instrument.wrappers import capture_state
from log10_trace.record.accumulate_responses import ENDS
from log10_trace.record.json_bytes import parse
from log10_trace.unpatched import time

_END_WORDS: Final = tuple(f'{kind}"'.encode() for kind in (*ENDS, "error"))
_BEGIN_WORD: Final = b'"response.create"'
_BEFORE: Final = b"data: "
_AFTER: Final = b"\n\n"

_waiting: Final[WeakKeyDictionary[Any, list[Recording]]] = WeakKeyDictionary()
"""The calls of each connection that wait for their end, in the order they were sent."""


def send(wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``send`` and ``send_raw`` of ``ResponsesConnection``."""
    recording = None
    with guard("beginning a call"):
        # Before it is sent: another thread may receive the first event before ``send`` returns.
        recording = _begin(connection, args, kwargs)
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        with guard("recording a failed call"):
            _on_send_error(connection, recording, error)
        raise


async def send_async(wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``send`` and ``send_raw`` of ``AsyncResponsesConnection``."""
    recording = None
    with guard("beginning a call"):
        recording = _begin(connection, args, kwargs)
    try:
        return await wrapped(*args, **kwargs)
    except BaseException as error:
        with guard("recording a failed call"):
            _on_send_error(connection, recording, error)
        raise


def recv_bytes(wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``ResponsesConnection.recv_bytes``."""
    try:
        message = wrapped(*args, **kwargs)
    except BaseException as error:
        with guard("recording a failed call"):
            _on_receive_error(connection, error)
        raise
    with guard("noting an event"):
        _note(connection, message)
    return message


async def recv_bytes_async(
    wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Around ``AsyncResponsesConnection.recv_bytes``."""
    try:
        message = await wrapped(*args, **kwargs)
    except BaseException as error:
        with guard("recording a failed call"):
            _on_receive_error(connection, error)
        raise
    with guard("noting an event"):
        _note(connection, message)
    return message


def close(wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``close`` of either connection, whose result may be a coroutine: it is passed on as it is."""
    with guard("ending a call"):
        for recording in _waiting.pop(connection, ()):
            recording.on_abandoned()
    return wrapped(*args, **kwargs)


def _begin(connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording | None:
    capture = capture_state.capture
    if capture is None:
        return None
    # ``send`` and ``send_raw`` have one parameter each, under different names.
    request = _request_body(args[0] if args else next(iter(kwargs.values())))
    if request is None:
        return None
    scope = current()
    is_sampled = capture.sampling.keeps(scope)
    if not is_sampled and not capture.sampling.keep_failures:
        capture.sampling.count_left_out()
        return None
    stack = sites.capture(sys._getframe(2))  # noqa: SLF001 -- as in calls
    call = new_call(capture, RESPONSES, scope, stack, is_sampled=is_sampled)
    call.request = request
    # Its events are kept as server-sent events, so that one reader serves both transports.
    call.content_type = "text/event-stream"
    call.streamed = True
    recording: Recording
    if is_sampled:
        recording = Recording(capture.sink, call, None, None)
    else:
        session = scope.session or process_session()
        recording = FailureRecording(capture, call, None, None, session=session)
    opening = getattr(getattr(connection, "_connection", None), "request", None)
    # It has the credentials that an error may repeat.
    recording.sent = (opening,) if opening is not None else ()
    if is_sampled:
        capture.sink.on_start(call)
    _waiting.setdefault(connection, []).append(recording)
    return recording


def _request_body(event: Any) -> bytes | None:
    """The event as it goes over the wire, if it asks for a response.

    The SDK makes text of an event just before it sends it, out of our sight: it is made here once more. What
    a program sends raw is taken as it is.
    """
    if isinstance(event, str | bytes):
        raw = event.encode() if isinstance(event, str) else event
        return raw if _BEGIN_WORD in raw and parse(raw).get("type") == "response.create" else None
    if isinstance(event, dict):
        return wire.dump_json(_drop_omitted(event)) if event.get("type") == "response.create" else None
    if event.type != "response.create":
        return None
    text: str = event.to_json(use_api_names=True, exclude_unset=True)
    return text.encode()


def _drop_omitted(event: dict[str, Any]) -> dict[str, Any]:
    """Without the parameters that the program did not give, for which the SDK has objects of its own."""
    return {
        name: _drop_omitted(value) if isinstance(value, dict) else value
        for name, value in event.items()
        if type(value).__name__ not in ("Omit", "NotGiven")
    }


def _note(connection: Any, message: Any) -> None:
    waiting = _waiting.get(connection)
    if not waiting:
        return
    data = message.encode() if isinstance(message, str) else bytes(message)
    recording = _recording_for(data, waiting)
    call = recording.call
    if call.first_token_ns is None:
        call.first_token_ns = time.perf_counter_ns() - call.started_ns
    # A line break would end the event; in JSON it can only stand between tokens.
    call.chunks += (_BEFORE, data.replace(b"\n", b" "), _AFTER)
    # Nearly all events are deltas, and this is the program's thread: only what may be an end is parsed.
    if any(word in data for word in _END_WORDS) and parse(data).get("type") in (*ENDS, "error"):
        waiting.remove(recording)
        recording.finish()


def _recording_for(data: bytes, waiting: list[Recording]) -> Recording:
    """The call an event belongs to: that of its lane when it names one, else the one that came first."""
    if len(waiting) > 1 and b'"stream_id"' in data:
        lane = parse(data).get("stream_id")
        for recording in waiting:
            if parse(recording.call.request).get("stream_id") == lane:
                return recording
    return waiting[0]


def _on_send_error(connection: Any, recording: Recording | None, error: BaseException) -> None:
    if recording is not None:
        _waiting[connection].remove(recording)
        recording.finish(error)


def _on_receive_error(connection: Any, error: BaseException) -> None:
    """Receiving has failed: the connection is gone, unless the program only stopped waiting."""
    # Up to Python 3.10 asyncio's TimeoutError is another class.
    if isinstance(error, TimeoutError | asyncio.CancelledError | asyncio.TimeoutError):
        return
    for recording in _waiting.pop(connection, ()):
        recording.finish(error)
