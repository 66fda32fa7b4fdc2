"""Anthropic's Messages API seen as chat: messages, choices, tool calls and usage under the names of chat.

A view for readers that know chat only, as ``chat_view`` is one of the Responses API. The originals stand
whole beside it, in ``native_request`` and ``native_response``; what has no counterpart in chat is left to
them.
"""

from __future__ import annotations

import json
from typing import Any, Final

from log10_trace.domain.json_values import read_list, read_mapping, read_text

Object = dict[str, Any]

_SAME: Final = ("model", "max_tokens", "temperature", "top_p", "stream", "metadata")
_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}
_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_THINKING: Final = ("thinking", "redacted_thinking")


def request(native: Any) -> Any:
    """The request of a message as that of a chat completion."""
    if not isinstance(native, dict):
        return native
    view: Object = {key: native[key] for key in _SAME if key in native}
    view["messages"] = _system(native.get("system"))
    for message in read_list(native.get("messages")):
        view["messages"] += _messages(message)
    if "stop_sequences" in native:
        view["stop"] = native["stop_sequences"]
    if isinstance(native.get("tools"), list):
        view["tools"] = [_tool(tool) for tool in native["tools"]]
    choice = native.get("tool_choice")
    if isinstance(choice, dict):
        view["tool_choice"] = _tool_choice(choice)
        if isinstance(choice.get("disable_parallel_tool_use"), bool):
            view["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]
    output = read_mapping(native.get("output_config"))
    if "effort" in output:
        view["reasoning_effort"] = output["effort"]
    form = output.get("format") or native.get("output_format")
    if isinstance(form, dict):
        view["response_format"] = _response_format(form)
    return view


def response(native: Any) -> Any:
    """A message as a chat completion with one choice; what is no message (an error's body) as it is."""
    if not isinstance(native, dict) or not isinstance(native.get("content"), list):
        return native
    view: Object = {"id": native.get("id"), "object": "chat.completion", "model": native.get("model")}
    has_answer = bool(native["content"]) or native.get("stop_reason") is not None
    view["choices"] = [_choice(native)] if has_answer else []
    if isinstance(native.get("usage"), dict):
        view["usage"] = _usage(native["usage"])
        # Answers in the fast mode cost what no other answer of the model does.
        speed, tier = native["usage"].get("speed"), native["usage"].get("service_tier")
        if speed == "fast" or tier is not None:
            view["service_tier"] = "fast" if speed == "fast" else tier
    if native.get("error"):
        view["error"] = native["error"]
    return view


def _system(system: Any) -> list[Object]:
    return [{"role": "system", "content": _content(system)}] if system else []


def _messages(message: Any) -> list[Object]:
    """A message as one, or more where it has results of tools, which are messages of their own in chat."""
    if not isinstance(message, dict):
        return [{"role": "user", "content": message}]
    role, content = message.get("role", "user"), message.get("content")
    if not isinstance(content, list):
        return [{"role": role, "content": content}]
    if role == "assistant":
        return [_assistant(content)]
    messages: list[Object] = []
    rest: list[Any] = []
    for block in content:
        if _type(block) == "tool_result":
            result = {"role": "tool", "tool_call_id": block.get("tool_use_id")}
            messages.append({**result, "content": _content(block.get("content"))})
        else:
            rest.append(_part(block))
    # The API asks for results to stand before anything else.
    return [*messages, {"role": role, "content": rest}] if rest or not messages else messages


def _assistant(blocks: list[Any]) -> Object:
    """A message of the assistant: its text, its thinking, its calls of tools."""
    message: Object = {"role": "assistant", "content": _without_apart(blocks) or None}
    thinking = [block.get("thinking") for block in blocks if _type(block) == "thinking"]
    if any(thinking):
        message["reasoning"] = "\n".join(text for text in thinking if isinstance(text, str) and text)
    calls = [_tool_call(block) for block in blocks if _type(block) == "tool_use"]
    if calls:
        message["tool_calls"] = calls
    return message


def _without_apart(blocks: list[Any]) -> Any:
    """The content without thinking and calls: one text where that is all there is."""
    parts = [_part(block) for block in blocks if _type(block) not in (*_THINKING, "tool_use")]
    is_text = len(parts) == 1 and _type(parts[0]) == "text"
    return parts[0].get("text") if is_text else parts


def _content(content: Any) -> Any:
    return [_part(block) for block in content] if isinstance(content, list) else content


def _part(block: Any) -> Any:
    kind = _type(block)
    if kind == "text":
        return {"type": "text", "text": block.get("text")}
    if kind == "image":
        source = read_mapping(block.get("source"))
        return {"type": "image_url", "image_url": {"url": _url(source)} if _url(source) else dict(source)}
    if kind == "document":
        return _document(block)
    return block


def _document(block: Object) -> Object:
    source = read_mapping(block.get("source"))
    if source.get("type") == "text":
        return {"type": "text", "text": source.get("data")}
    name = {"filename": block["title"]} if isinstance(block.get("title"), str) else {}
    if source.get("type") == "base64":
        return {"type": "file", "file": {**name, "file_data": _url(source)}}
    return {"type": "file", "file": {**name, **source}}


def _url(source: Any) -> str:
    """The URL of an image or a file, also of one that was sent; empty where it is named by an id."""
    if source.get("type") == "base64":
        return f"data:{source.get('media_type')};base64,{source.get('data')}"
    return read_text(source.get("url"))


def _tool_call(block: Object) -> Object:
    # Of a stream that ended in the middle of it, what came.
    arguments = block.get("partial_json") or json.dumps(block.get("input"), ensure_ascii=False)
    function = {"name": block.get("name"), "arguments": arguments}
    return {"id": block.get("id"), "type": "function", "function": function}


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type", "custom") != "custom":
        return tool
    function = {key: tool[key] for key in ("name", "description", "strict") if key in tool}
    if "input_schema" in tool:
        function["parameters"] = tool["input_schema"]
    return {"type": "function", "function": function}


def _tool_choice(choice: Object) -> Any:
    if choice.get("type") == "tool":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return _CHOICES.get(read_text(choice.get("type")), choice)


def _response_format(form: Object) -> Object:
    if form.get("type") != "json_schema":
        return form
    return {"type": "json_schema", "json_schema": {key: form[key] for key in form if key != "type"}}


def _choice(native: Object) -> Object:
    blocks = [block for block in native["content"] if isinstance(block, dict)]
    texts = [block for block in blocks if block.get("type") == "text"]
    written = [block["text"] for block in texts if isinstance(block.get("text"), str)]
    message = _assistant([block for block in blocks if block.get("type") in (*_THINKING, "tool_use")])
    message["content"] = "".join(written) if written else None
    annotations = [note for block in texts for note in read_list(block.get("citations"))]
    if annotations:
        message["annotations"] = annotations
    reason = native.get("stop_reason")
    return {"index": 0, "message": message, "finish_reason": _FINISH.get(str(reason), reason)}


def _usage(usage: Object) -> Object:
    """The tokens; those that the cache is read for or written with are counted apart by Anthropic."""
    read, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    given, made = _count(usage, "input_tokens") + read + written, _count(usage, "output_tokens")
    view: Object = {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
    details: Object = {}
    if "cache_read_input_tokens" in usage:
        details["cached_tokens"] = read
    if "cache_creation_input_tokens" in usage:
        details["cache_write_tokens"] = written
    kept = _count(read_mapping(usage.get("cache_creation")), "ephemeral_1h_input_tokens")
    if kept:
        details["cache_write_tokens_details"] = {"ttl_1h_tokens": kept}
    if details:
        view["prompt_tokens_details"] = details
    thought = read_mapping(usage.get("output_tokens_details")).get("thinking_tokens")
    if thought is not None:
        view["completion_tokens_details"] = {"reasoning_tokens": thought}
    return view


def _count(usage: Any, name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _type(block: Any) -> str:
    return read_text(block.get("type")) if isinstance(block, dict) else ""
