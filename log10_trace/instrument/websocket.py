"""Responses over a WebSocket: ``responses.connect()``.

A ``response.create`` that is sent begins a call; the events that come back are its stream, until one that
ends it. Responses of one connection come one after the other.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from typing import Any, Final
from weakref import WeakKeyDictionary

from log10_trace.context import current
from log10_trace.guard import guard
from log10_trace.instrument.calls import switch
from log10_trace.instrument.recording import Recording, new_call
from log10_trace.instrument.stack import sites
from log10_trace.record.fold_responses import ENDS
from log10_trace.record.json_text import parsed
from log10_trace.record.outcome import RESPONSES

_END_WORDS: Final = tuple(f'{kind}"'.encode() for kind in (*ENDS, "error"))
_BEFORE: Final = b"data: "
_AFTER: Final = b"\n\n"

_waiting: Final[WeakKeyDictionary[Any, deque[Recording]]] = WeakKeyDictionary()
"""The calls of each connection that wait for their end, in the order they were sent."""


def send(wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``ResponsesConnection.send``."""
    recording = None
    with guard("beginning a call"):
        recording = _begin(connection, args, kwargs)
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        with guard("recording a failed call"):
            _fail(connection, recording, error)
        raise


async def send_async(wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``AsyncResponsesConnection.send``."""
    recording = None
    with guard("beginning a call"):
        recording = _begin(connection, args, kwargs)
    try:
        return await wrapped(*args, **kwargs)
    except BaseException as error:
        with guard("recording a failed call"):
            _fail(connection, recording, error)
        raise


def recv_bytes(wrapped: Any, connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``ResponsesConnection.recv_bytes``."""
    try:
        message = wrapped(*args, **kwargs)
    except BaseException as error:
        with guard("recording a failed call"):
            _lost(connection, error)
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
            _lost(connection, error)
        raise
    with guard("noting an event"):
        _note(connection, message)
    return message


def _begin(connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording | None:
    capture = switch.capture
    event = args[0] if args else kwargs["event"]
    kind = event.get("type") if isinstance(event, dict) else getattr(event, "type", None)
    if capture is None or kind != "response.create":
        return None
    stack = sites.of(sys._getframe(2))  # noqa: SLF001 -- as in calls
    call = new_call(capture, RESPONSES, current(), stack)
    call.request = _written(event)
    call.content_type = "text/event-stream"
    call.streamed = True
    recording = Recording(capture.sink, call, None, None)
    capture.sink.started(call)
    _waiting.setdefault(connection, deque()).append(recording)
    return recording


def _written(event: Any) -> bytes:
    """The event as the SDK writes it. It is small, and no bytes of it can be had before they are sent."""
    if isinstance(event, dict):
        return json.dumps(event).encode()
    text: str = event.to_json(use_api_names=True, exclude_unset=True)
    return text.encode()


def _note(connection: Any, message: Any) -> None:
    waiting = _waiting.get(connection)
    if not waiting:
        return
    data = message.encode() if isinstance(message, str) else bytes(message)
    recording = waiting[0]
    call = recording.call
    if call.first_token_ns is None:
        call.first_token_ns = time.perf_counter_ns() - call.started_ns
    call.chunks += (_BEFORE, data, _AFTER)
    if any(word in data for word in _END_WORDS) and parsed(data).get("type") in (*ENDS, "error"):
        waiting.popleft()
        recording.end()


def _fail(connection: Any, recording: Recording | None, error: BaseException) -> None:
    if recording is not None:
        _waiting[connection].remove(recording)
        recording.end(error)


def _lost(connection: Any, error: BaseException) -> None:
    """Receiving has failed: the connection is gone, unless the program only stopped waiting."""
    if isinstance(error, TimeoutError):
        return
    for recording in _waiting.pop(connection, ()):
        recording.end(error)
