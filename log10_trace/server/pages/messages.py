"""A conversation as messages: role, contents, tool calls. Pure.

Turns compare by what they show, so an answer and the same message sent back with the next request are equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain import conversation
from log10_trace.domain.conversation import (
    ChatMessage,
    read_choice,
    read_message,
    read_prompts,
    read_tool_call,
)
from log10_trace.domain.json_values import read_mapping
from log10_trace.server.pages import json_access
from log10_trace.server.pages.content_parts import PART_ENDS, Part, audio_parts, content_parts
from log10_trace.server.pages.excerpt import ENDS, Gap
from log10_trace.server.pages.json_indent import indent_json

_INDENTED_CHARACTERS: Final = 200_000
"""Longer arguments are shown as they came: indenting takes many times their memory."""
_KNOWN_ROLES: Final = frozenset(("system", "developer", "user", "assistant", "tool", "function"))


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for."""

    name: str
    arguments: str
    """Indented when they are JSON, else as they came."""
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message."""

    role: str
    name: str = ""
    parts: tuple[Part, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""
    """The id of the tool call that this is the result of."""
    omitted: int = 0
    """Messages left out here; then it is none itself."""

    @property
    def style(self) -> str:
        """The role as far as pages know it, ``other`` else: fit for the name of a CSS class."""
        return self.role if self.role in _KNOWN_ROLES else "other"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that the model gave."""

    turn: Message
    finish_reason: str


def request_messages(request: Any, most: int = ENDS) -> tuple[Message, ...]:
    """The turns of a request: its messages, or its prompt; of many, ``most`` at each end."""
    body = read_mapping(request)
    if "messages" in body:
        return tuple(map(_message_or_gap, json_access.sequence(body["messages"], most)))
    return tuple(map(_prompt, json_access.sequence(read_prompts(body), most)))


def response_choices(response: Any) -> tuple[Choice, ...]:
    """The answers of a response, in the order of its choices."""
    return tuple(map(_choice, json_access.sequence(read_mapping(response).get("choices"))))


def ends(turns: tuple[Message, ...], most: int) -> tuple[Message, ...]:
    """At most ``most`` turns at each end, and one between them for those left out."""
    if len(turns) <= 2 * most + 1:
        return turns
    omitted = sum(turn.omitted or 1 for turn in turns[most:-most])
    return (*turns[:most], Message(role="", omitted=omitted), *turns[-most:])


def _message_or_gap(message: Any) -> Message:
    if isinstance(message, Gap):
        return Message(role="", omitted=message.omitted)
    return _turn(read_message(message))


def _prompt(prompt: Any) -> Message:
    if isinstance(prompt, Gap):
        return Message(role="", omitted=prompt.omitted)
    return Message(role="prompt", parts=content_parts(_tokens(prompt)))


def _choice(item: Any) -> Choice:
    if isinstance(item, Gap):
        return Choice(Message(role="", omitted=item.omitted), "")
    choice = read_choice(item)
    finish = json_access.short_text(choice.finish_reason)
    if choice.message is None and choice.text is not None:
        return Choice(Message(role="completion", parts=content_parts(choice.text)), finish)
    return Choice(_turn(choice.message or read_message(None), role="assistant"), finish)


def _turn(message: ChatMessage, role: str = "") -> Message:
    return Message(
        role=json_access.short_text(message.role) or role or "no role",
        name=json_access.short_text(message.name),
        parts=tuple(_parts(message)),
        calls=tuple(_calls(message)),
        answers=json_access.short_text(message.answered_call),
    )


def _parts(message: ChatMessage) -> Iterator[Part]:
    if message.reasoning:
        yield Part("reasoning", message.reasoning, "reasoning")
    yield from content_parts(message.content)
    if message.refusal:
        yield Part("refusal", message.refusal, "refusal")
    if message.audio:
        yield from audio_parts(message.audio)


def _calls(message: ChatMessage) -> Iterator[ToolCall]:
    for call in json_access.sequence(message.tool_calls, PART_ENDS):
        yield ToolCall(str(call), "", "") if isinstance(call, Gap) else _call(read_tool_call(call))
    if message.function_call:
        yield _call(message.function_call)


def _call(call: conversation.ToolCall) -> ToolCall:
    name = json_access.short_text(call.name) or "tool"
    return ToolCall(name, _arguments(call.arguments), json_access.short_text(call.id))


def _arguments(given: Any) -> str:
    if given is None:
        return ""
    if not isinstance(given, str):
        return json_access.as_text(given)
    if len(given) > _INDENTED_CHARACTERS:
        return given
    try:
        json.loads(given)
    except (ValueError, RecursionError):
        return given
    return indent_json(given)


def _tokens(prompt: Any) -> Any:
    """A prompt given as token numbers, on one line."""
    return json.dumps(prompt) if isinstance(prompt, list) else prompt
