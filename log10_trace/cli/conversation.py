"""A call as a conversation: roles and messages in order. Pure; reads any shape a provider may send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from log10_trace.domain import chat_view
from log10_trace.domain.conversation import (
    ChatMessage,
    ToolCall,
    list_choices,
    read_choice,
    read_message,
    read_prompts,
    read_tool_call,
)
from log10_trace.domain.json_values import read_list, read_mapping
from log10_trace.models.components import Completion


@dataclass(frozen=True, slots=True)
class ConversationMessage:
    """One message: who speaks, and what, tool calls and pictures written out as text."""

    role: str
    text: str


def messages_of(call: Completion) -> Iterator[ConversationMessage]:
    """The messages of the request and then the answers, one for each choice."""
    request, response = _plain(call.request), _plain(call.response)
    if isinstance(request, dict):
        yield from _read_request(request)
    yield from _read_response(response)


def _read_request(request: dict[str, Any]) -> Iterator[ConversationMessage]:
    for message in read_list(request.get("messages")):
        if isinstance(message, dict):
            chat_message = read_message(message)
            yield ConversationMessage(_role(chat_message, "?"), text_of(chat_message))
        else:
            yield ConversationMessage("?", json.dumps(message))
    for prompt in read_prompts(request):
        yield ConversationMessage("prompt", prompt if isinstance(prompt, str) else json.dumps(prompt))


def _read_response(response: Any) -> Iterator[ConversationMessage]:
    if isinstance(response, str):
        yield ConversationMessage("answer", response)
    for choice in map(read_choice, list_choices(response)):
        if choice.message is not None:
            yield ConversationMessage(_role(choice.message, "assistant"), text_of(choice.message))
        elif choice.text is not None:
            yield ConversationMessage("assistant", str(choice.text))
    if error := read_mapping(response).get("error"):
        yield ConversationMessage("error", json.dumps(error))


def _role(message: ChatMessage, otherwise: str) -> str:
    # The role of a typed model is a member of an enumeration, which is a string as well.
    role = message.role or otherwise
    return str(role.value if isinstance(role, Enum) else role)


def first_answer_text(response: Any) -> str:
    """The first answer of a response of any endpoint, as text; empty when there is none."""
    return next((message.text for message in _read_response(chat_view.response(response))), "")


def text_of(message: ChatMessage) -> str:
    """The text of a message: its content, its refusal, its tool calls."""
    calls = [_tool_call(call) for call in message.tool_calls if isinstance(call, dict)]
    if message.function_call:
        calls.append(_format_tool_call(message.function_call))
    return "\n".join(part for part in (_content(message.content), message.refusal, *calls) if part)


def _content(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_content_part(part) for part in content)
    return json.dumps(content)


def _content_part(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    if isinstance(part.get("text"), str):
        return str(part["text"])
    return f"[{part.get('type', 'part')}]"


def _tool_call(call: dict[str, Any]) -> str:
    has_tool = any(isinstance(call.get(kind), dict) for kind in ("function", "custom"))
    return _format_tool_call(read_tool_call(call)) if has_tool else json.dumps(call)


def _format_tool_call(call: ToolCall) -> str:
    return f"{call.name or '?'}({call.arguments or ''})"


def _plain(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value
