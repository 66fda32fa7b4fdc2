"""The messages of a call as rows: who says what, and which tools are called. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from log10_trace.domain.conversation import (
    ChatMessage,
    ToolCall,
    list_choices,
    read_choice,
    read_message,
    read_prompts,
    read_tool_call,
)
from log10_trace.domain.json_values import read_list, read_mapping, read_text
from log10_trace.domain.message_text import message_text
from log10_trace.domain.text_extraction import sanitize
from log10_trace.table_files.exact_json import write_json

REQUEST: Final = "request"
RESPONSE: Final = "response"
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


class ToolCallRow(NamedTuple):
    """A tool call that a message holds."""

    tool_call_id: str | None
    name: str | None
    arguments: str | None
    """As a rule JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """A message of the request, or an answer."""

    part: str
    """``request`` or ``response``."""
    choice: int | None = None
    """0, 1, 2, ... of an answer."""
    role: str | None
    """As it was sent; ``prompt`` of a text completion's prompt, ``answer`` and ``error`` of a body without a
    role."""
    name: str | None = None
    content: str | None
    """The text; of a part that is none its type in brackets."""
    reasoning: str | None = None
    refusal: str | None = None
    tool_call_id: str | None = None
    """The tool call that this is the result of."""
    finish_reason: str | None = None
    json: str | None
    """The message as JSON, where the columns do not say all of it."""
    tool_calls: tuple[ToolCallRow, ...] = ()


def read_message_rows(request: Any, response: Any) -> Iterator[MessageRow]:
    """The messages of the request in order, then the answers."""
    held = read_mapping(request)
    for message in read_list(held.get("messages")):
        yield _read_message_row(message, REQUEST)
    for prompt in read_prompts(held):
        yield _read_text_row(prompt, REQUEST, "prompt")
    if isinstance(response, str):
        yield _read_text_row(response, RESPONSE, "answer")
    for number, choice in enumerate(list_choices(response)):
        yield _read_choice_row(number, choice)
    if error := read_mapping(response).get("error"):
        yield _read_text_row(error, RESPONSE, "error")


def _read_choice_row(number: int, choice: Mapping[str, Any]) -> MessageRow:
    read = read_choice(choice)
    if read.message is None:
        row = _read_text_row(choice.get("text"), RESPONSE, "assistant")
    else:
        row = _read_message_row(choice["message"], RESPONSE, role="assistant")
    return replace(row, choice=number, finish_reason=_column(read.finish_reason))


def _read_text_row(value: Any, part: str, role: str) -> MessageRow:
    if value is None:
        return MessageRow(part=part, role=role, content=None, json=None)
    content = sanitize(value if isinstance(value, str) else write_json(value))
    return MessageRow(
        part=part, role=role, content=content, json=None if content == value else write_json(value)
    )


def _read_message_row(message: Any, part: str, role: str | None = None) -> MessageRow:
    read = read_message(message)
    columns: dict[str, Any] = {
        "role": _column(read.role) or role,
        "name": _column(read.name),
        "content": _read_content(read),
        "reasoning": _column(read.reasoning),
        "refusal": _column(read.refusal),
        "tool_call_id": _column(read.answered_call),
    }
    return MessageRow(
        part=part,
        **columns,
        json=None if _is_told(message, columns) else write_json(message),
        tool_calls=tuple(_read_tool_calls(read)),
    )


def _is_told(message: Any, columns: Mapping[str, str | None]) -> bool:
    """Whether the columns say all that the message does."""
    told = {**columns, "reasoning_content": columns["reasoning"]}
    return isinstance(message, dict) and all(
        value in _EMPTY or value == told.get(name) for name, value in message.items()
    )


def _read_content(message: ChatMessage) -> str | None:
    content = replace(message, refusal="", tool_calls=[], function_call=None)
    text = message_text(content) if message.content else ""
    return _column(text or read_text(message.audio.get("transcript")))


def _read_tool_calls(message: ChatMessage) -> Iterator[ToolCallRow]:
    calls = [read_tool_call(call) for call in message.tool_calls]
    for call in [*calls, message.function_call] if message.function_call else calls:
        yield ToolCallRow(_column(call.id), _column(call.name), _read_arguments(call))


def _read_arguments(call: ToolCall) -> str | None:
    if call.arguments is None or isinstance(call.arguments, str):
        return _column(call.arguments)
    return write_json(call.arguments)


def _column(text: str | None) -> str | None:
    return sanitize(text) if text else None
