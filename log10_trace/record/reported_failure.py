"""The failure that a provider reports in a body whose HTTP status is good. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from log10_trace.domain.conversation import list_choices

Object = dict[str, Any]

MAX_REASON: Final = 100_000
"""Characters of a reason that are kept; the API takes ten times as many."""
_MAX_KIND: Final = 200

_FAILED_STATUSES: Final = ("failed", "cancelled", "incomplete")
"""Statuses of a response of the Responses API that is over and not whole."""
_FAILED_FINISHES: Final = ("error", "abort", "network_error", "insufficient_system_resource")
"""Finish reasons of an answer that broke off: OpenRouter's, vLLM's and SGLang's, Z.ai's, DeepSeek's."""
_GOOD_FINISHES: Final = ("stop", "tool_calls", "length")
_ODD: Final = frozenset(("error", "type", "base_resp", "status"))
"""What says of an answer whether it failed, and does not stand in one of OpenAI's."""
_KINDS: Final = ("type", "code", "error_code", "status_code", "status")
_MESSAGES: Final = ("message", "error_msg", "status_msg", "msg", "detail")
_GOOD_CODES: Final = ("", "0", "200", "ok", "success")
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
_SIGNS: Final = (b"error", b"response.")
"""One of these stands in every event that reports a failure."""


class Failure(NamedTuple):
    """What the provider says went wrong."""

    kind: str
    """Its type, code or status: a short label without control characters."""
    reason: str
    """Its message; never empty."""


def find_failure(body: Any, *, is_response: bool) -> Failure | None:
    """The failure that a body reports: with an error, in a choice, or by its status.

    Args:
        body: The JSON value of an answer, or of the events of a stream folded into one.
        is_response: Whether it is an answer of the Responses API, whose objects have a status.
    """
    if _is_plain_answer(body):
        return None
    if isinstance(body, list) and len(body) == 1:
        body = body[0]  # Gemini's form of an error
    if not isinstance(body, dict):
        return None
    return (
        _find_stated_failure(body, is_error=False)
        or _choices_failure(list_choices(body))
        or (_status_failure(body, body.get("status")) if is_response else None)
    )


def _is_plain_answer(body: Any) -> bool:
    """Whether a body is a chat completion with nothing to look for: nearly all are."""
    if type(body) is not dict or body.get("object") != "chat.completion" or not _ODD.isdisjoint(body):
        return False
    choices = body.get("choices")
    if type(choices) is not list or not choices:
        return False
    for choice in choices:
        if type(choice) is not dict or "error" in choice or choice.get("finish_reason") not in _GOOD_FINISHES:
            return False
    return True


def may_report_failure(body: bytes) -> bool:
    """Whether any event of a stream can report a failure; a quick look at its bytes."""
    return any(sign in body for sign in _SIGNS)


def find_event_failure(name: str | None, data: Any) -> Failure | None:
    """The failure that one event of a stream reports."""
    if not isinstance(data, dict):
        return None
    kind = str(data.get("type"))
    if kind.endswith(".delta") and "error" not in data:
        return None  # nearly all events of a long stream are such
    ended = kind.removeprefix("response.")
    if ended != kind and ended in _FAILED_STATUSES:
        response = data.get("response")
        response = response if isinstance(response, dict) else {}
        return _find_stated_failure(response, is_error=False) or _status_failure(response, ended)
    return _find_stated_failure(data, is_error=name == "error")


def _find_stated_failure(data: Object, *, is_error: bool) -> Failure | None:
    """The failure of an object that has an error, or (``is_error``, or by its own word) is one."""
    error = data.get("error")
    if error and _says_something(error):
        return _error_failure(error, data)
    if is_error or data.get("object") == "error" or data.get("type") == "error":
        return _error_failure(data, data)
    status = data.get("base_resp")  # MiniMax's, beside every answer
    if isinstance(status, dict) and status.get("status_code"):
        return _error_failure(status, data)
    # An answer may have a message or a code beside it: only a body without one is an error by these.
    if data.get("choices") or data.get("output"):
        return None
    errors = data.get("errors")
    if isinstance(errors, list) and errors:
        return _error_failure(errors[0], data)
    codes = (_label(data.get(name)).lower() for name in ("code", "error_code"))
    return (
        _error_failure(data, data) if _text(data) and any(code not in _GOOD_CODES for code in codes) else None
    )


def _error_failure(error: Any, holder: Object) -> Failure:
    if isinstance(error, dict):
        return _failure(_kind(error) or "error", _text(error) or _text(holder) or json.dumps(error))
    if isinstance(error, str):
        return _failure("error", error)
    return _failure("error", _text(holder) or json.dumps(error))


def _choices_failure(choices: list[Object]) -> Failure | None:
    for choice in choices:
        # OpenRouter puts the error into the choice, and ends the stream as any other.
        error = choice.get("error")
        if error and _says_something(error):
            return _error_failure(error, choice)
        finish = choice.get("finish_reason")
        if finish in _FAILED_FINISHES:
            return _failure(str(finish), f"The answer ended with the finish reason {finish}.")
    return None


def _status_failure(response: Object, status: Any) -> Failure | None:
    if status not in _FAILED_STATUSES:
        return None
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return _failure(f"response.{status}", str(reason or f"The status of the response is {status}."))


def _failure(kind: str, reason: str) -> Failure:
    return Failure(kind, reason[:MAX_REASON])


def _says_something(error: Any) -> bool:
    """Whether an ``error`` that is not empty reports one: some providers send one without words."""
    return any(error.values()) if isinstance(error, dict) else True


def _kind(error: Object) -> str:
    labels = (_label(error.get(name)) for name in _KINDS)
    return next((label for label in labels if label not in ("", "error")), "")


def _label(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not value:
        return ""
    return _UNPRINTABLE.sub(" ", str(value)).strip()[:_MAX_KIND]


def _text(error: Object) -> str:
    return next((error[name] for name in _MESSAGES if isinstance(error.get(name), str) and error[name]), "")
