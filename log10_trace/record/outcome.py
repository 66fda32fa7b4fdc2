"""What became of a call: its response, and whether it finished, failed or was left early."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from log10_trace.record import fold_choices, fold_responses, sse
from log10_trace.record.call import Call
from log10_trace.record.coding import decoded
from log10_trace.record.json_text import as_text, embedded, written

CHAT: Final = "/chat/completions"
TEXT: Final = "/completions"
RESPONSES: Final = "/responses"


class Outcome(NamedTuple):
    """How a call ended."""

    response: bytes
    """JSON on one line: the body as it came, a stream folded, text as a string; ``null`` without a body."""
    status: str
    interrupted: bool = False
    failure_kind: str | None = None
    failure_reason: str | None = None


def of(call: Call) -> Outcome:
    """The outcome of a call, from its bytes and from what its thread saw."""
    if call.status == "started":
        return Outcome(b"null", "started")
    body = decoded(call.chunks, call.content_encoding if call.streamed else None)
    failed = call.failure_kind is not None or call.status == "failed"
    if not body.strip():
        return _ended(call, b"null", done=False, failed=failed)
    json_body = embedded(body)
    if json_body is not None:
        return _ended(call, json_body, done=True, failed=failed)
    if not sse.is_stream(body):
        return _ended(call, as_text(body, _charset(call.content_type)), done=False, failed=failed)
    stream = sse.read(body)
    error = error_in(stream.events) if b"error" in body or b"response.failed" in body else None
    response = written(folded(call.endpoint, stream.events)) if stream.events else b"null"
    if error and not failed:
        return Outcome(response, "failed", failure_kind=error[0], failure_reason=error[1])
    done = stream.done or any(_type(event) in fold_responses.ENDS for event in stream.events)
    return _ended(call, response, done=done, failed=failed)


def _ended(call: Call, response: bytes, *, done: bool, failed: bool) -> Outcome:
    if failed:
        return Outcome(response, "failed", False, call.failure_kind, call.failure_reason)
    return Outcome(response, "finished", interrupted=call.interrupted and not done)


def folded(endpoint: str, events: list[sse.Event]) -> dict[str, Any]:
    """The events of a stream as the one object that the call unstreamed gives."""
    objects = [event.data for event in events if isinstance(event.data, dict)]
    if endpoint == RESPONSES:
        return fold_responses.fold(objects)
    return fold_choices.fold(objects, "chat.completion" if endpoint == CHAT else "text_completion")


def error_in(events: list[sse.Event]) -> tuple[str, str] | None:
    """Kind and message of the last error object in the stream."""
    for event in reversed(events):
        if isinstance(event.data, dict):
            found = _error_of(event.name, event.data)
            if found is not None:
                return found
    return None


def _error_of(name: str | None, data: dict[str, Any]) -> tuple[str, str] | None:
    error = data.get("error")
    kind = data.get("type")
    if kind == "response.failed":
        error = (data.get("response") or {}).get("error") or {"code": "response.failed"}
    elif not error and (name == "error" or kind == "error"):
        error = data
    if not error:
        return None
    if not isinstance(error, dict):
        return "error", str(error)
    words = [error.get("type"), error.get("code")]
    named = [word for word in words if word not in (None, "", "error")]
    return str(named[0]) if named else "error", str(error.get("message") or "")


def _type(event: sse.Event) -> str:
    return str(event.data.get("type")) if isinstance(event.data, dict) else ""


def _charset(content_type: str | None) -> str:
    _, _, charset = (content_type or "").lower().partition("charset=")
    return charset.partition(";")[0].strip(" \"'") or "utf-8"
