"""The wrappers of the SDK's methods: its single entry point ``request``, and ``_process_response``.

The wrappers have one way out: the original's result or the original's exception. Whatever we do beside it is
guarded.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType, FunctionType
from typing import Any, Final

from log10_trace.context import current, process_session
from log10_trace.domain import call_labels
from log10_trace.domain.endpoint_paths import KNOWN_PATHS, EndpointPath, match_path
from log10_trace.guard import guard
from log10_trace.instrument import background, callsite, interception, wire
from log10_trace.instrument.method_patch import Observer, has_parameters_of
from log10_trace.instrument.recording import CaptureConfig, Recording, new_call
from log10_trace.instrument.stack import sites
from log10_trace.instrument.tee import Tee

# Made once: every call of the SDK passes here.
_BEGINNING: Final = guard("beginning a call")
_RECORDING: Final = guard("recording a call")
_FAILING: Final = guard("recording a failed call")
_NOTING: Final = guard("noting a response")
_BUILDING: Final = guard("noting a request")

_MIN_ERROR_STATUS: Final = 400

_frame: Final = sys._getframe  # noqa: SLF001 -- inspect's way to it is a hundred times slower


class _CaptureState:
    """Where calls are recorded to now; none while we are switched off."""

    capture: CaptureConfig | None = None


capture_state: Final = _CaptureState()
_active: ContextVar[Recording | None] = ContextVar("log10_trace_call", default=None)


class _NullRecording(Recording):
    """Stands in for the recording of a call that is not recorded, so that no other place records it."""

    def __init__(self) -> None:
        pass

    def on_return(self) -> None:
        """Nothing is kept of it."""

    def on_error(self, _error: BaseException, /) -> None:
        """Nothing is kept of it."""

    def on_request(self, _request: Any, /) -> None:
        """Nothing is kept of it."""


NOT_RECORDED: Final = _NullRecording()
"""Of a call that is seen and left out."""


def is_running() -> bool:
    """Whether this context is within a call that is seen, recorded or not."""
    return _active.get() is not None


@contextmanager
def running(recording: Recording) -> Iterator[None]:
    """What is sent inside of the block belongs to this call."""
    before = _active.get()
    _active.set(recording)
    try:
        yield
    finally:
        _active.set(before)


class _RequestWrapper:
    """Around ``OpenAI.request``."""

    def around(self, function: Callable[..., Any]) -> Any:
        """The method, wrapped by a plain function."""

        @functools.wraps(function)
        def request(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            wrapped = function
            if interception.state.interceptor is not None:
                wrapped = interception.intercept(function, self)
            recording = None
            try:
                # The SDK passes them by position; who else calls ``request`` may name them.
                recording = _begin(self, args[1] if len(args) > 1 else kwargs["options"], _frame(1))
            except Exception as fault:  # noqa: BLE001 -- the guard keeps it
                _BEGINNING.keep(fault)
            if recording is None:
                return wrapped(self, *args, **kwargs)
            # Set back by value: a token may be used only in the context that it was made in.
            before = _active.get()
            _active.set(recording)
            try:
                result = wrapped(self, *args, **kwargs)
            except BaseException as error:
                with _FAILING:
                    recording.on_error(error)
                raise
            finally:
                _active.set(before)
            try:
                recording.on_return()
            except Exception as fault:  # noqa: BLE001 -- the guard keeps it
                _RECORDING.keep(fault)
            return result

        return request

    def __call__(self, wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As a wrapper, around what is no function: another tracer's."""
        return self.around(_leave_out_client(wrapped))(client, *args, **kwargs)


class _AsyncRequestWrapper:
    """Around ``AsyncOpenAI.request``."""

    def around(self, function: Callable[..., Any]) -> Any:
        """The method, wrapped by a plain function."""

        @functools.wraps(function)
        async def request(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            wrapped = function
            if interception.state.interceptor is not None:
                wrapped = interception.intercept_async(function, self)
            recording = None
            try:
                # The SDK passes them by position; who else calls ``request`` may name them.
                recording = _begin(self, args[1] if len(args) > 1 else kwargs["options"], _frame(1))
            except Exception as fault:  # noqa: BLE001 -- the guard keeps it
                _BEGINNING.keep(fault)
            if recording is None:
                return await wrapped(self, *args, **kwargs)
            before = _active.get()
            _active.set(recording)
            try:
                result = await wrapped(self, *args, **kwargs)
            except BaseException as error:
                with _FAILING:
                    recording.on_error(error)
                raise
            finally:
                _active.set(before)
            try:
                recording.on_return()
            except Exception as fault:  # noqa: BLE001 -- the guard keeps it
                _RECORDING.keep(fault)
            return result

        return request

    def __call__(self, wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As a wrapper, around what is no function: another tracer's."""
        return self.around(_leave_out_client(wrapped))(client, *args, **kwargs)


REQUEST_WRAPPER: Final = _RequestWrapper()
ASYNC_REQUEST_WRAPPER: Final = _AsyncRequestWrapper()


def _leave_out_client(bound: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the client and the arguments, of a method that is bound to the client."""
    return lambda _client, *args, **kwargs: bound(*args, **kwargs)


class _BuildingWrapper(Observer):
    """Around ``_build_request``, so that a call that still waits for its answer has its request."""

    def __init__(self) -> None:
        super().__init__(note_request)

    def around(self, function: FunctionType) -> Any:
        """The method, observed; with the parameters of openai 1.47 and later, if it has these."""

        def build_request(self: Any, options: Any, *, retries_taken: int = 0) -> Any:
            request = function(self, options, retries_taken=retries_taken)
            note_request(request)
            return request

        if not has_parameters_of(function, build_request):
            return super().around(function)
        return functools.wraps(function)(build_request)


def note_request(request: Any) -> None:
    """Note what ``_build_request`` gives."""
    recording = _active.get()
    if recording is not None:
        try:
            recording.on_request(request)
        except Exception as fault:  # noqa: BLE001 -- the guard keeps it
            _BUILDING.keep(fault)


class _ResponseWrapper:
    """Around ``_process_response``, whose result may be a coroutine: it is passed on as it is."""

    def around(self, function: FunctionType) -> Any:
        """The method, wrapped by a plain function.

        With the parameters of openai 1.39 and later, if it has these: to pass any others on takes twice as
        long. No comment stands above that function: ``help`` would show it.
        """

        def process_response(
            self: Any,
            *,
            cast_to: Any,
            options: Any,
            response: Any,
            stream: Any,
            stream_cls: Any,
            retries_taken: int = 0,
        ) -> Any:
            alone = _attach_response_guarded(self, options, response, retries_taken)
            result = function(
                self,
                cast_to=cast_to,
                options=options,
                response=response,
                stream=stream,
                stream_cls=stream_cls,
                retries_taken=retries_taken,
            )
            if alone is not None:
                with _RECORDING:
                    alone.on_return()
            return result

        if not has_parameters_of(function, process_response):
            return self._around_any(function)
        return functools.wraps(function)(process_response)

    def _around_any(self, function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        def process_response(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            retries = kwargs.get("retries_taken")
            alone = _attach_response_guarded(self, kwargs.get("options"), kwargs.get("response"), retries)
            result = function(self, *args, **kwargs)
            if alone is not None:
                with _RECORDING:
                    alone.on_return()
            return result

        return process_response

    def __call__(self, wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As a wrapper, around what is no function: another tracer's."""
        return self._around_any(_leave_out_client(wrapped))(client, *args, **kwargs)


BUILDING_WRAPPER: Final = _BuildingWrapper()
RESPONSE_WRAPPER: Final = _ResponseWrapper()


def _begin(client: Any, options: Any, frame: FrameType) -> Recording | None:
    """The recording of a call that ``frame`` makes; none of what is not recorded."""
    capture = capture_state.capture
    if capture is None:
        return None
    active = _active.get()
    # Ours may stand twice, around a wrapper that does not tell what it wraps: it is one call all the same.
    if active is not None and active is not NOT_RECORDED and active.options is options:
        return None
    # Stored completions are read and listed by GET under the same path, which generates nothing.
    method = options.method
    is_post = method == "post" or method.upper() == "POST"
    path = (KNOWN_PATHS.get(options.url) or match_path(options.url)) if is_post else None
    if path is None:
        # Inside another call it is kept apart from that one.
        aside = NOT_RECORDED if active is not None else None
        return background.resume_background_call(capture, client, options) or aside
    return start_recording(capture, path, frame, client, options)


def start_recording(
    capture: CaptureConfig, path: EndpointPath, frame: FrameType, client: Any, options: Any
) -> Recording:
    """The recording of a call that begins now, made on the stack of ``frame``."""
    site = callsite.pop_call_site(frame)
    scope = current() if site is None else site.scope
    sampling = capture.sampling
    is_sampled = sampling.rate >= 1 or sampling.keeps(scope)
    if not is_sampled and not sampling.keep_failures:
        sampling.count_left_out()
        return NOT_RECORDED
    stack = sites.capture(frame) if site is None else site.stack
    call = new_call(capture, path.endpoint, scope, stack, is_sampled=is_sampled)
    try:
        call.base_url = wire.base_url(client, path.prefix)
    except Exception as fault:  # noqa: BLE001 -- the guard keeps it, and the record has no base URL
        _BEGINNING.keep(fault)
    if not is_sampled:
        from log10_trace.instrument.failure_recording import FailureRecording  # noqa: PLC0415 -- see ``install``

        session = scope.session or process_session()
        unless_failed = FailureRecording(capture, call, client, options, session=session)
        unless_failed.on_start()
        return unless_failed
    queued = path.endpoint == call_labels.RESPONSES and background.is_background_request(options)
    make = background.BackgroundRecording if queued else Recording
    recording = make(capture.sink, call, client, options)
    try:
        recording.on_start()
    except BaseException as error:
        # A signal handler has ended the call before it was made.
        with _FAILING:
            recording.on_error(error)
        raise
    return recording


def _attach_response_guarded(client: Any, options: Any, response: Any, retries: Any) -> Recording | None:
    """As ``_attach_response``, and without a fault."""
    try:
        return _attach_response(client, options, response, retries)
    except Exception as fault:  # noqa: BLE001 -- the guard keeps it
        _NOTING.keep(fault)
    return None


def _attach_response(client: Any, options: Any, response: Any, retries: int | None) -> Recording | None:
    """Note the response in the call it belongs to; in one of its own, which is returned, if there is none.

    That is so when another tracer has wrapped ``request`` on the client object itself and hides ours.
    """
    if response.status_code >= _MIN_ERROR_STATUS:
        # Anthropic's SDK hands attempts that failed to a middleware, and then tries again or raises.
        return None
    recording, alone = _active.get(), None
    if recording is None:
        alone = recording = _begin(client, options, _frame(3))
    if recording is None or recording is NOT_RECORDED:
        return None
    # From openai 1.39 on; before that nothing tells how often it tried.
    recording.on_response(response, retries)
    if recording.call.streamed:
        response.stream = Tee(response.stream, recording)
    return alone
