"""Contents of a call in the JSON forms of the conventions: messages of parts, instructions, tools.

The forms are those of ``gen-ai-input-messages.json``, ``gen-ai-output-messages.json``,
``gen-ai-system-instructions.json`` and ``gen-ai-tool-definitions.json``. A part that they have no type for
stays as the provider's API has it, which they allow.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from typing import Any, Final

from log10_trace.domain.conversation import (
    ChatMessage,
    ToolCall,
    list_choices,
    read_message,
    read_prompts,
    read_tool_call,
)
from log10_trace.domain.json_values import read_list, read_mapping, read_text
from log10_trace.otlp.span_call import SpanCall

Part = dict[str, Any]

_AUDIO_TYPES: Final = {"mp3": "audio/mpeg"}
_FINISH_REASONS: Final = {"tool_calls": "tool_call", "function_call": "tool_call"}
_PLAIN_MESSAGE: Final = frozenset(("role", "content"))
_PLAIN_ROLES: Final = ("system", "developer", "user", "assistant")
_TEXTS: Final = ("text", "input_text", "output_text")
_UNFINISHED: Final = "error"
"""What the conventions say of a choice that has no reason to have ended."""


def input_messages(call: SpanCall) -> list[Part] | None:
    """``gen_ai.input.messages``; None where the request holds none."""
    if "messages" not in call.request:
        prompts = [_text(_as_text(prompt)) for prompt in read_prompts(call.request)]
        return [{"role": "user", "parts": [prompt]} for prompt in prompts] or None
    items = read_list(call.request["messages"])
    # Instructions that were sent apart stand at the head of the chat-shaped view.
    own = items[_count_instructions(call) :]
    return [_input_message(item) for item in own] or None


def output_messages(call: SpanCall) -> list[Part] | None:
    """``gen_ai.output.messages``, one for each choice; None where nothing came back."""
    found: list[Part] = []
    for choice in list_choices(call.response):
        said = choice.get("message")
        parts = (
            _message_parts(read_message(said))
            if isinstance(said, dict)
            else [_text(_as_text(choice.get("text")))]
        )
        reason = read_text(choice.get("finish_reason")) or _UNFINISHED
        role = read_text(read_mapping(said).get("role")) or "assistant"
        found.append({"role": role, "parts": parts, "finish_reason": _FINISH_REASONS.get(reason, reason)})
    return found or None


def system_instructions(call: SpanCall) -> list[Part] | None:
    """``gen_ai.system_instructions``: what was sent apart from the messages.

    The Responses API takes it as ``instructions``, Anthropic's Messages API as ``system``; it stands at the
    head of their chat-shaped view.
    """
    native = call.native_request
    if not isinstance(native.get("instructions"), str) and native.get("system") is None:
        return None
    head = read_message(next(iter(read_list(call.request.get("messages"))), None))
    return _content_parts(head.content) or None if head.role == "system" else None


def tool_definitions(call: SpanCall) -> list[Part] | None:
    """``gen_ai.tool.definitions``; None where the model was offered no tools."""
    offered = [
        *read_list(call.request.get("tools")),
        *map(_as_tool, read_list(call.request.get("functions"))),
    ]
    return [_tool_definition(tool) for tool in offered if isinstance(tool, dict)] or None


def _count_instructions(call: SpanCall) -> int:
    return 1 if system_instructions(call) else 0


def _input_message(item: Any) -> Part:
    # Most messages are of this form: to read the parts that others have takes four times as long.
    if isinstance(item, dict) and item.keys() == _PLAIN_MESSAGE and item["role"] in _PLAIN_ROLES:
        return {"role": item["role"], "parts": _content_parts(item["content"])}
    message = read_message(item)
    made: Part = {"role": message.role or "user", "parts": _message_parts(message)}
    if message.name:
        made["name"] = message.name
    return made


def _message_parts(message: ChatMessage) -> list[Part]:
    if message.answered_call or message.role == "tool":
        return [{"type": "tool_call_response", "id": message.answered_call, "response": message.content}]
    parts = [{"type": "reasoning", "content": message.reasoning}] if message.reasoning else []
    parts += _content_parts(message.content)
    if message.refusal:
        parts.append(_text(message.refusal))
    if message.audio:
        parts.append(_audio_part(message.audio, "wav"))
    parts += [_tool_call_part(read_tool_call(call)) for call in message.tool_calls]
    if message.function_call is not None:
        parts.append(_tool_call_part(message.function_call))
    return parts


def _content_parts(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [_text(content)] if content else []
    return [_part(part) for part in read_list(content)]


def _part(part: Any) -> Part:
    if not isinstance(part, dict):
        return _text(_as_text(part))
    kind = read_text(part.get("type"))
    if kind in _TEXTS or (not kind and isinstance(part.get("text"), str)):
        return _text(_as_text(part.get("text")))
    if kind == "refusal":
        return _text(_as_text(part.get("refusal")))
    return _media_part(kind, part)


def _media_part(kind: str, part: Mapping[str, Any]) -> Part:
    if kind in ("image_url", "input_image"):
        image = part.get("image_url")
        url = image if isinstance(image, str) else read_text(read_mapping(image).get("url"))
        return _reference(url, "image") if url else {**part, "type": kind}
    if kind == "input_audio":
        return _audio_part(read_mapping(part.get("input_audio")), "wav")
    if kind in ("file", "input_file"):
        return _file_part(read_mapping(part.get("file")) or part)
    return {**part, "type": kind or "unknown"}


def _reference(url: str, modality: str) -> Part:
    """A part for a URL: what a data URL holds, else what the URL leads to."""
    if not url.startswith("data:"):
        return {"type": "uri", "modality": modality, "uri": url, "mime_type": _guess_type(url)}
    head, _, content = url[len("data:") :].partition(",")
    return {
        "type": "blob",
        "modality": modality,
        "mime_type": head.partition(";")[0] or None,
        "content": content,
    }


def _audio_part(audio: Mapping[str, Any], usual: str) -> Part:
    form = read_text(audio.get("format")) or usual
    part: Part = {
        "type": "blob",
        "modality": "audio",
        "mime_type": _AUDIO_TYPES.get(form, f"audio/{form}"),
        "content": read_text(audio.get("data")),
    }
    if isinstance(audio.get("transcript"), str):
        part["transcript"] = audio["transcript"]
    return part


def _file_part(file: Mapping[str, Any]) -> Part:
    mime_type = _guess_type(read_text(file.get("filename")))
    if file_id := read_text(file.get("file_id")):
        return {"type": "file", "modality": "document", "mime_type": mime_type, "file_id": file_id}
    if url := read_text(file.get("file_url")):
        return _reference(url, "document")
    data = read_text(file.get("file_data"))
    if data.startswith("data:"):
        return _reference(data, "document")
    return {"type": "blob", "modality": "document", "mime_type": mime_type, "content": data}


def _guess_type(name: str) -> str | None:
    return mimetypes.guess_type(name)[0] if name else None


def _tool_call_part(call: ToolCall) -> Part:
    return {
        "type": "tool_call",
        "id": call.id or None,
        "name": call.name,
        "arguments": _parse_arguments(call.arguments),
    }


def _parse_arguments(arguments: Any) -> Any:
    """Arguments as an object, where their text is one."""
    if not isinstance(arguments, str) or not arguments.startswith(("{", "[")):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _as_tool(function: Any) -> Part:
    return {"type": "function", "function": function}


def _tool_definition(tool: Mapping[str, Any]) -> Part:
    kind = read_text(tool.get("type")) or "function"
    inner = read_mapping(tool.get("function")) or read_mapping(tool.get("custom"))
    if not inner:
        return {**tool, "type": kind, "name": read_text(tool.get("name")) or kind}
    made: Part = {"type": kind, "name": read_text(inner.get("name"))}
    return made | {name: inner[name] for name in ("description", "parameters") if inner.get(name) is not None}


def _text(content: str) -> Part:
    return {"type": "text", "content": content}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
