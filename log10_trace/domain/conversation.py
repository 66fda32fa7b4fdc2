"""The one reader of chat and text bodies: messages, choices and tool calls, from JSON of any provider. Pure.

What is not of the type that the API gives it reads as empty; nothing raises. Contents, arguments and lists
stay as they are: pages and the command line show them in ways of their own. A body of the Responses API is
read through ``chat_view``. ``text_extraction`` stays apart: its result for a stored record must never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from log10_trace.domain.json_values import read_list, read_mapping, read_text


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for."""

    name: str
    """Of the function or the custom tool, else the type of the call; empty when it names neither."""
    arguments: Any
    """As a rule JSON text; None without arguments."""
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message of a chat, of its request or of a response."""

    role: str
    name: str = ""
    content: Any = None
    """Text, a list of parts, or what the provider sent in their place."""
    reasoning: str = ""
    refusal: str = ""
    audio: Mapping[str, Any]
    """A spoken answer; empty without one."""
    tool_calls: list[Any]
    """As they were sent; each is read by ``read_tool_call``."""
    function_call: ToolCall | None = None
    """The call in the form that came before ``tool_calls``."""
    answered_call: str = ""
    """The id of the tool call that this is the result of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatChoice:
    """One of the answers that a model gave: a message, or the text of a text completion."""

    message: ChatMessage | None
    text: Any
    finish_reason: str


def read_prompts(request: Any) -> list[Any]:
    """The prompts of a text completion: texts, or one list of token numbers."""
    prompt = read_mapping(request).get("prompt")
    if isinstance(prompt, list) and all(isinstance(item, str) for item in prompt):
        return prompt
    return [] if prompt is None else [prompt]


def read_message(message: Any) -> ChatMessage:
    """A message of a chat request or of a choice."""
    holder = read_mapping(message)
    function = read_mapping(holder.get("function_call"))
    return ChatMessage(
        role=read_text(holder.get("role")),
        name=read_text(holder.get("name")),
        content=holder.get("content"),
        reasoning=read_text(holder.get("reasoning_content")) or read_text(holder.get("reasoning")),
        refusal=read_text(holder.get("refusal")),
        audio=read_mapping(holder.get("audio")),
        tool_calls=read_list(holder.get("tool_calls")),
        function_call=read_tool_call({"function": function}) if function else None,
        answered_call=read_text(holder.get("tool_call_id")),
    )


def read_tool_call(call: Any) -> ToolCall:
    """An item of ``tool_calls``, of a function or of a custom tool."""
    holder = read_mapping(call)
    tool = read_mapping(holder.get("function")) or read_mapping(holder.get("custom"))
    return ToolCall(
        name=read_text(tool.get("name")) or read_text(holder.get("type")),
        arguments=tool.get("arguments", tool.get("input")),
        id=read_text(holder.get("id")),
    )


def list_choices(response: Any) -> list[dict[str, Any]]:
    """The choices of a response, without what stands among them and is no object."""
    choices = read_list(read_mapping(response).get("choices"))
    return [choice for choice in choices if isinstance(choice, dict)]


def read_choice(choice: Any) -> ChatChoice:
    """An item of ``choices``."""
    holder = read_mapping(choice)
    message = holder.get("message")
    return ChatChoice(
        message=read_message(message) if isinstance(message, dict) else None,
        text=holder.get("text"),
        finish_reason=read_text(holder.get("finish_reason")),
    )
