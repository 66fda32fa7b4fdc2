"""What goes wrong with an exchange: what the client is told, and what the record says. Pure.

Classes are named as the exceptions that the Python SDK raises, so that failures of both ways are counted
together.
"""

from __future__ import annotations

import errno
import json
import os
import ssl
from typing import Final

from log10_trace.network import find_tls_problem
from log10_trace.proxy.target import Target
from log10_trace.record.json_bytes import parse

_ERROR_TYPE: Final = "log10_trace_proxy_error"


class ExchangeFailure(Exception):  # noqa: N818 -- the record has the names of the subclasses
    """Why an exchange has no whole response."""


class RemoteProtocolError(ExchangeFailure):
    """The target closed the connection before the end of its response, or sent what is no HTTP."""


class ReadError(ExchangeFailure):
    """The connection to the target broke."""


class ReadTimeout(ExchangeFailure):
    """The target sent nothing for as long as the proxy waits."""


class ClientDisconnected(ExchangeFailure):
    """The client closed its connection before the response began."""


_STATUS_CLASSES: Final[dict[int, type[ExchangeFailure]]] = {
    status: type(name, (ExchangeFailure,), {})
    for status, name in (
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (409, "ConflictError"),
        (422, "UnprocessableEntityError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
    )
}
_OTHER_STATUS: Final[type[ExchangeFailure]] = type("APIStatusError", (ExchangeFailure,), {})


def status_failure(status: int, body: bytes) -> ExchangeFailure:
    """The failure that a status from 400 on means, in the words of the SDK."""
    known = _STATUS_CLASSES.get(min(status, 500), _OTHER_STATUS)
    try:
        answer = parse(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace").strip()
        return known(text or f"Error code: {status}")
    error = answer.get("error", answer) if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return known(f"Error code: {status}" + (f" - {message}" if message and isinstance(message, str) else ""))


def error_body(message: str, code: str) -> bytes:
    """An error of the proxy's own, in the shape of the API's errors."""
    error = {"message": message, "type": _ERROR_TYPE, "param": None, "code": code}
    return json.dumps({"error": error}).encode()


def describe_connect_failure(target: Target, error: BaseException, timeout_s: float) -> bytes:
    """The error for a client whose request could not be sent."""
    if isinstance(error, TimeoutError) and not error.args:
        return error_body(
            f"{target.url} did not take the connection within {timeout_s:g} s.", "upstream_timeout"
        )
    if isinstance(error, ssl.SSLError):
        problem = find_tls_problem(error)
        found = problem.found if problem else str(error)
        return error_body(f"No connection to {target.url}: {found}.", "upstream_tls")
    # asyncio puts words of its own in the place of the system's.
    number = error.errno if isinstance(error, OSError) else None
    known = os.strerror(number) if number is not None and number in errno.errorcode else ""
    reason = known or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return error_body(f"{target.url} cannot be reached: {reason}.", "upstream_unreachable")
