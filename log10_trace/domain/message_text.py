"""The text of a message: its content, its refusal and its tool calls, written out. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from log10_trace.domain.conversation import ChatMessage, ToolCall, read_tool_call


def name_part(part: Mapping[str, Any]) -> str:
    """The type of a part that is no text, in brackets: ``[image_url]``."""
    return f"[{part.get('type', 'part')}]"


def message_text(
    message: ChatMessage, *, describe_part: Callable[[Mapping[str, Any]], str] = name_part
) -> str:
    """The text of a message; ``describe_part`` gives the text of a part of its content that has none."""
    calls = [_tool_call(call) for call in message.tool_calls if isinstance(call, dict)]
    if message.function_call:
        calls.append(_format_tool_call(message.function_call))
    content = _content(message.content, describe_part)
    return "\n".join(part for part in (content, message.refusal, *calls) if part)


def _content(content: Any, describe_part: Callable[[Mapping[str, Any]], str]) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_content_part(part, describe_part) for part in content)
    return json.dumps(content)


def _content_part(part: Any, describe_part: Callable[[Mapping[str, Any]], str]) -> str:
    if not isinstance(part, dict):
        return str(part)
    return str(part["text"]) if isinstance(part.get("text"), str) else describe_part(part)


def _tool_call(call: dict[str, Any]) -> str:
    has_tool = any(isinstance(call.get(kind), dict) for kind in ("function", "custom"))
    return _format_tool_call(read_tool_call(call)) if has_tool else json.dumps(call)


def _format_tool_call(call: ToolCall) -> str:
    return f"{call.name or '?'}({call.arguments or ''})"
