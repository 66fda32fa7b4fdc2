"""Calls that LiteLLM sends with HTTP clients of its own, past the OpenAI SDK: each POST is one.

Its handlers give back the response as the HTTP library made it, read or not: the bytes are those of the wire.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from log10_trace.domain.endpoint_paths import match_path
from log10_trace.guard import guard
from log10_trace.instrument import wrappers
from log10_trace.instrument.recording import Recording
from log10_trace.instrument.tee import Tee

_BEGINNING: Final = guard("beginning a call")
_RECORDING: Final = guard("recording a call")
_FAILING: Final = guard("recording a failed call")
_PARAMETERS: Final = ("url", "data", "json", "params", "headers")
"""The first parameters of ``post``, which may be given by position."""


class _Headers(dict[str, str]):
    """Headers with the method by which credentials are looked for in those of a request."""

    def multi_items(self) -> list[tuple[str, str]]:
        """Names and values."""
        return [(str(name), str(value)) for name, value in self.items()]


class _Post:
    """What is posted: in the place of the SDK's options, and of a request that an error does not tell."""

    __slots__ = ("_body", "headers", "path")

    def __init__(self, given: dict[str, Any]) -> None:
        self._body = next((given[name] for name in ("json", "data", "content") if given.get(name)), None)
        self.headers = _Headers(given.get("headers") or {})
        self.path = str(given.get("url"))
        """The URL, whose query may have a key."""

    @property
    def json_data(self) -> Any:
        """The body as JSON, for a call of which no request is known to have been sent."""
        if not isinstance(self._body, str | bytes):
            return self._body
        try:
            return json.loads(self._body)
        except ValueError:
            return None


def wrap_post(wrapped: Any, _handler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``HTTPHandler.post``."""
    recording = None
    with _BEGINNING:
        recording = _begin(args, kwargs)
    if recording is None:
        return wrapped(*args, **kwargs)
    try:
        with wrappers.running(recording):
            response = wrapped(*args, **kwargs)
    except BaseException as error:
        with _FAILING:
            recording.on_error(error)
        raise
    _note_response(recording, response)
    return response


async def wrap_post_async(wrapped: Any, _handler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around ``AsyncHTTPHandler.post``."""
    recording = None
    with _BEGINNING:
        recording = _begin(args, kwargs)
    if recording is None:
        return await wrapped(*args, **kwargs)
    try:
        with wrappers.running(recording):
            response = await wrapped(*args, **kwargs)
    except BaseException as error:
        with _FAILING:
            recording.on_error(error)
        raise
    _note_response(recording, response)
    return response


def _begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording | None:
    capture = wrappers.capture_state.capture
    # Within a call of an SDK it is that call which is recorded.
    if capture is None or wrappers.is_running():
        return None
    given = dict(zip(_PARAMETERS, args, strict=False)) | kwargs
    path = match_path(str(given.get("url")))
    if path is None:
        return None
    post = _Post(given)
    frame = sys._getframe(2)  # noqa: SLF001 -- as in wrappers
    recording = wrappers.start_recording(capture, path, frame, None, post)
    if recording is wrappers.NOT_RECORDED:
        return None
    # Its errors tell a request without the key, which the provider may repeat.
    recording.sent = (post,)
    return recording


def _note_response(recording: Recording, response: Any) -> None:
    with _RECORDING:
        recording.on_response(response, None)
        if recording.call.streamed:
            response.stream = Tee(response.stream, recording)
        else:
            recording.on_return()
        return
    # The guard has kept an exception: nothing would end the call.
    recording.discard()
