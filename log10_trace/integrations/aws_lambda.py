"""AWS Lambda: one session for each invocation, and delivery before the handler returns."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, overload

from log10_trace import runtime
from log10_trace.guard import guard
from log10_trace.integrations.request_session import RequestSession

__all__ = ["record_invocations"]

Result = TypeVar("Result")
Handler = Callable[[Any, Any], Result]

_RESERVE_S: Final = 0.5
"""What is left of the invocation's time for the handler's result to be sent."""
_READING_CONTEXT: Final = guard("reading the context of an invocation")
_DELIVERING: Final = guard("delivering at the end of an invocation")


@overload
def record_invocations(handler: Handler[Result], /) -> Handler[Result]: ...


@overload
def record_invocations(
    *,
    tags: Iterable[str] | Callable[[Any], Iterable[str]] = (),
    metadata: Mapping[str, Any] | Callable[[Any], Mapping[str, Any] | None] | None = None,
    flush_timeout: float = 3.0,
) -> Callable[[Handler[Result]], Handler[Result]]: ...


def record_invocations(
    handler: Handler[Any] | None = None,
    /,
    *,
    tags: Iterable[str] | Callable[[Any], Iterable[str]] = (),
    metadata: Mapping[str, Any] | Callable[[Any], Mapping[str, Any] | None] | None = None,
    flush_timeout: float = 3.0,
) -> Any:
    """Decorate a handler: each invocation is a session, and its records are delivered before it returns.

    ::

        log10_trace.patch(spool_dir="/tmp/log10-spool")

        @record_invocations
        def handler(event, context): ...

    The session's id is the invocation's request id. Lambda freezes the process behind an invocation, so
    delivery takes place in it: for ``flush_timeout`` seconds at most, and no longer than half a second before
    the invocation's own time is up. What is left waits in the spool for the next invocation of the same
    process. The handler's result and exceptions pass.

    Args:
        handler: The handler, where the decorator is written without brackets.
        tags: Tags of the session, or a function from the event to them.
        metadata: Metadata of the session, or a function from the event to it, which may give None.
        flush_timeout: The most seconds that delivery may take.

    Raises:
        TypeError: the handler is a coroutine function, which Lambda does not run; or tags or metadata are of
            another type.
        ValueError: the metadata cannot be used; the message names it.
    """
    request_session: RequestSession[Any] = RequestSession(tags, metadata)

    def decorate(handler: Handler[Any]) -> Handler[Any]:
        return _wrap(handler, request_session, flush_timeout)

    return decorate if handler is None else decorate(handler)


def _wrap(handler: Handler[Any], request_session: RequestSession[Any], flush_timeout: float) -> Handler[Any]:
    if inspect.iscoroutinefunction(handler):
        raise TypeError(f"a handler is a plain function, and {handler!r} is a coroutine function")

    @functools.wraps(handler)
    def wrapper(event: Any, context: Any) -> Any:
        request_id = None
        with _READING_CONTEXT:
            request_id = getattr(context, "aws_request_id", None)
        try:
            with request_session.make(event, request_id):
                return handler(event, context)
        finally:
            _deliver(context, flush_timeout)

    return wrapper


def _deliver(context: Any, flush_timeout: float) -> None:
    """Deliver what waits, in the time that is left."""
    timeout = flush_timeout
    with _READING_CONTEXT:
        read_remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
        if read_remaining_ms is not None:
            timeout = min(timeout, read_remaining_ms() / 1000 - _RESERVE_S)
    with _DELIVERING:
        if timeout > 0:
            runtime.flush(timeout)
