"""Sans-I/O request flow with retries, shared by both drivers. No I/O here.

A flow is a generator. It yields steps, which are things for a driver to do, and is sent what came of each;
what it returns is what the driver returns. The blocking driver calls a step, the awaiting one awaits it too,
and neither decides anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeAlias, TypeVar

from log10_trace.client import results
from log10_trace.client.http_library import httpx
from log10_trace.client.operation import Operation
from log10_trace.client.retry import Attempt, Retry

Result = TypeVar("Result")


class IOBackend(Protocol):
    """What a driver can do; the awaiting one gives an awaitable from each."""

    def send(self, request: httpx.Request) -> Any:
        """Send the request; gives an ``Attempt`` whose body is still to be read."""
        ...

    def read(self, response: httpx.Response) -> Any:
        """Read the whole body; gives the response, or why it broke off."""
        ...

    def sleep(self, seconds: float) -> Any:
        """Wait."""
        ...


Step: TypeAlias = Callable[[IOBackend], Any]
Flow: TypeAlias = Generator[Step, Any, Result]


def _send(request: httpx.Request) -> Step:
    return lambda backend: backend.send(request)


def _read(response: httpx.Response) -> Step:
    return lambda backend: backend.read(response)


def _sleep(seconds: float) -> Step:
    return lambda backend: backend.sleep(seconds)


def execute(operation: Operation[Result], request: httpx.Request, retry: Retry) -> Flow[Result]:
    """What the operation gives; raises as ``answer.parse_response``."""
    outcome = yield from _send_with_retries(operation, request, retry, whole=True)
    return results.parse_response(operation, outcome)


def open_stream(operation: Operation[Any], request: httpx.Request, retry: Retry) -> Flow[httpx.Response]:
    """The successful response of the operation, its body unread; raises as ``results.parse_response``."""
    outcome = yield from _send_with_retries(operation, request, retry, whole=False)
    if isinstance(outcome, Exception):
        raise results.connection_error(outcome) from outcome
    if not outcome.is_success:
        raise results.error_for_response(outcome)
    return outcome


def _send_with_retries(
    operation: Operation[Any], request: httpx.Request, retry: Retry, *, whole: bool
) -> Flow[Attempt]:
    """The last outcome, after as many tries as it takes and ``retry`` allows.

    The body is read when it is wanted ``whole``, and always when it is that of an error.
    """
    for attempt in itertools.count(1):
        outcome: Attempt = yield _send(request)
        if not isinstance(outcome, Exception) and (whole or not outcome.is_success):
            outcome = yield _read(outcome)
        wait = retry.wait(attempt, outcome, repeatable=operation.idempotent)
        if wait is None:
            return outcome
        yield _sleep(wait)
    raise AssertionError  # pragma: no cover -- the count has no end
