"""A call as Markdown, to be read or handed to somebody. Pure.

Whatever was said stands in fences that it cannot close, so that no text of a record is Markdown of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from log10_trace.domain import formatting
from log10_trace.domain.call_labels import describe_origin, determine_status
from log10_trace.domain.charges import read_usage
from log10_trace.domain.completion_record import MAX_DURATION
from log10_trace.domain.conversation import read_choice, read_message, read_prompts
from log10_trace.domain.json_values import read_list, read_mapping, read_text
from log10_trace.domain.markdown_text import escape_control_characters, fence, spell
from log10_trace.domain.message_text import message_text

_APART: Final = frozenset(("messages", "prompt", "model", "tools", "functions"))


def write_markdown(completion_id: str, values: Mapping[str, Any]) -> str:
    """The record with these values as Markdown: what it was, why it failed, request and response."""
    request, response = read_mapping(values.get("request")), values.get("response")
    blocks = [f"# Call {spell(completion_id)}", "\n".join(_facts(values, request, response))]
    blocks += _failure(values, response)
    blocks += ["## Request", *_request(request)]
    parameters = {name: value for name, value in request.items() if name not in _APART}
    if parameters:
        blocks += ["### Parameters", fence(json.dumps(parameters, ensure_ascii=False, indent=2), "json")]
    blocks += ["## Response", *_response(response)]
    return escape_control_characters("\n\n".join(blocks) + "\n")


def _facts(values: Mapping[str, Any], request: Mapping[str, Any], response: Any) -> Iterator[str]:
    usage = read_usage(response, values.get("native_response"))
    duration = values.get("duration")
    is_timed = isinstance(duration, int | float) and 0 <= duration <= MAX_DURATION
    model = read_text(request.get("model")) or read_text(read_mapping(response).get("model"))
    frame = read_mapping(next(reversed(read_list(values.get("stacktrace"))), None))
    line = frame.get("lineno")
    place = f"{read_text(frame.get('file'))}:{line if isinstance(line, int) else '?'}" if frame else ""
    origin = describe_origin(frame.get("origin"))
    tags = [tag for tag in read_list(values.get("tags")) if isinstance(tag, str)]
    for name, value in (
        ("Model", spell(model) if model else ""),
        ("Status", spell(determine_status(values))),
        ("Began", spell(read_text(values.get("created_at")))),
        ("Took", formatting.duration(duration) if is_timed else ""),
        ("Tokens", _tokens(usage.input, usage.output) if usage.is_stated else ""),
        ("Tags", ", ".join(map(spell, tags))),
        ("Session", spell(read_text(values.get("session_id")))),
        ("Trace", spell(read_text(values.get("trace_id")))),
        ("Called from", spell(place) + (f"; the line {origin}" if origin else "")),
    ):
        if value:
            yield f"- {name}: {value}"


def _tokens(sent: int | None, received: int | None) -> str:
    return f"{formatting.count(sent)} in, {formatting.count(received)} out"


def _failure(values: Mapping[str, Any], response: Any) -> Iterator[str]:
    kind, reason = read_text(values.get("failure_kind")), read_text(values.get("failure_reason"))
    error = read_mapping(response).get("error")
    if not kind and not error:
        return
    yield f"## Failure: {spell(kind)}" if kind else "## Failure"
    if reason:
        yield fence(reason)
    if error:
        yield fence(json.dumps(error, ensure_ascii=False, indent=2), "json")


def _request(request: Mapping[str, Any]) -> Iterator[str]:
    for item in read_list(request.get("messages")):
        message = read_message(item)
        answered = f", the result of {spell(message.answered_call)}" if message.answered_call else ""
        yield f"### {spell(message.role or 'no role')}{answered}"
        yield fence(message_text(message) if isinstance(item, dict) else _plain(item))
    for prompt in read_prompts(request):
        yield "### prompt"
        yield fence(_plain(prompt))


def _response(response: Any) -> Iterator[str]:
    if isinstance(response, str):
        yield fence(response)
    for item in read_list(read_mapping(response).get("choices")):
        choice = read_choice(item)
        role = choice.message.role if choice.message else ""
        yield f"### {spell(role or 'assistant')}, {spell(choice.finish_reason or 'no finish reason')}"
        yield fence(message_text(choice.message) if choice.message else _plain(choice.text))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
