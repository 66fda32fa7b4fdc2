"""A call as a conversation: who said what, in order. Pure; reads any shape that a provider may have sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

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
        yield from _asked(request)
    yield from _answered(response)


def _asked(request: dict[str, Any]) -> Iterator[ConversationMessage]:
    messages = request.get("messages")
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict):
            yield ConversationMessage(_role(message, "?"), text_of(message))
        else:
            yield ConversationMessage("?", json.dumps(message))
    if request.get("prompt") is not None:
        prompt = request["prompt"]
        yield ConversationMessage("prompt", prompt if isinstance(prompt, str) else json.dumps(prompt))


def _answered(response: Any) -> Iterator[ConversationMessage]:
    if isinstance(response, str):
        yield ConversationMessage("answer", response)
    if not isinstance(response, dict):
        return
    for choice in choices_of(response):
        message = choice.get("message")
        if isinstance(message, dict):
            yield ConversationMessage(_role(message, "assistant"), text_of(message))
        elif choice.get("text") is not None:
            yield ConversationMessage("assistant", str(choice["text"]))
    if response.get("error"):
        yield ConversationMessage("error", json.dumps(response["error"]))


def _role(message: dict[str, Any], otherwise: str) -> str:
    role = message.get("role") or otherwise
    return str(role.value if isinstance(role, Enum) else role)


def choices_of(response: Any) -> list[dict[str, Any]]:
    """The choices of a response, whatever else stands in their place left out."""
    choices = response.get("choices") if isinstance(response, dict) else None
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def first_answer_text(response: Any) -> str:
    """What was answered first, as text; empty when nothing was."""
    return next((said.text for said in _answered(response)), "")


def text_of(message: dict[str, Any]) -> str:
    """The text of a message: its content, its refusal, its tool calls."""
    parts = [_content(message.get("content"))]
    if message.get("refusal"):
        parts.append(str(message["refusal"]))
    calls = message.get("tool_calls")
    calls = list(calls) if isinstance(calls, list) else []
    if isinstance(message.get("function_call"), dict):
        calls.append({"function": message["function_call"]})
    parts += [_tool_call(call) for call in calls if isinstance(call, dict)]
    return "\n".join(part for part in parts if part)


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
    function = call.get("function")
    if not isinstance(function, dict):
        return json.dumps(call)
    return f"{function.get('name', '?')}({function.get('arguments') or ''})"


def _plain(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value
