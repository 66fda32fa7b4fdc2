"""From a response to the operation's result or an error. No I/O here."""

from __future__ import annotations

import json
from typing import Final, TypeVar

from log10_trace import errors
from log10_trace.client.http_library import httpx, is_error
from log10_trace.client.operation import Operation
from log10_trace.client.retry import Attempt
from log10_trace.network import find_tls_problem

Result = TypeVar("Result")

_CLASSES: Final[dict[int, type[errors.SDKError]]] = {
    400: errors.ValidationError,
    401: errors.AuthenticationError,
    403: errors.AuthenticationError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    413: errors.ValidationError,
    415: errors.ValidationError,
    422: errors.ValidationError,
    429: errors.RateLimitError,
}
_SERVER_FAULTS: Final = 500


def parse_response(operation: Operation[Result], outcome: Attempt) -> Result:
    """What the operation gives.

    Raises:
        SDKError: the API refused, or failed, or what answered is not a completions API.
        APIConnectionError: there was no answer.
    """
    if isinstance(outcome, Exception):
        raise connection_error(outcome) from outcome
    if not outcome.is_success:
        raise error_for_response(outcome)
    try:
        return operation.read(outcome)
    except ValueError as error:  # pydantic's ValidationError and json's JSONDecodeError are ValueErrors
        message = (
            f"{_server(outcome.request)} answers, but is no completions API: "
            f"{operation.method} {operation.path} brought something else."
        )
        raise _error(errors.ServerError, outcome, message) from error


def error_for_response(response: httpx.Response) -> errors.SDKError:
    """The error for an answer that is none of success."""
    status = response.status_code
    kind = _CLASSES.get(status, errors.ServerError if status >= _SERVER_FAULTS else errors.SDKError)
    return _error(kind, response, _read_error_text(response) or f"The completions API answered {status}.")


def connection_error(error: httpx.TransportError) -> errors.APIConnectionError:
    """The error for a request without an answer."""
    server = _server(error.request)
    if is_error(error, "TimeoutException"):
        return errors.APITimeoutError(f"The completions API at {server} did not answer in time.")
    if problem := find_tls_problem(error):
        return errors.APIConnectionError(f"No connection to {server}: {problem}.")
    return errors.APIConnectionError(
        f"No completions API answers at {server} ({error}). Start one with `log10-trace serve`, "
        "or name yours with LOG10_URL."
    )


def _error(kind: type[errors.SDKError], response: httpx.Response, message: str) -> errors.SDKError:
    return kind(message, status_code=response.status_code, body=response.text, raw_response=response)


def _read_error_text(response: httpx.Response) -> str | None:
    """The server's own words, with the field that they are about."""
    try:
        payload = json.loads(response.content)
    except ValueError:
        return None
    if not isinstance(payload, dict) or not isinstance(payload.get("message"), str):
        return None
    field = payload.get("field")
    message: str = payload["message"]
    return f"{field}: {message}" if isinstance(field, str) and field not in message else message


def _server(request: httpx.Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc.decode()}"
