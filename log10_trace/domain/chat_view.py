"""The Responses API seen as chat: messages, choices, tool calls and usage under the names that chat has.

A view for readers that know chat only. The originals stand whole beside it, in ``native_request`` and
``native_response``; what has no counterpart in chat is left to them.
"""

from __future__ import annotations

from typing import Any, Final

from log10_trace.domain.json_values import read_list, read_mapping, read_text

Object = dict[str, Any]

_SAME: Final = (
    "model", "temperature", "top_p", "top_logprobs", "stream", "stream_options", "user", "metadata", "store",
    "service_tier", "parallel_tool_calls", "tool_choice", "prompt_cache_key", "safety_identifier",
)  # fmt: skip
_PARTS: Final = {
    "input_text": "text",
    "output_text": "text",
    "input_image": "image_url",
    "input_file": "file",
}
_FINISH: Final = {"max_output_tokens": "length", "content_filter": "content_filter"}


def request(native: Any) -> Any:
    """A response's request as that of a chat completion."""
    if not isinstance(native, dict):
        return native
    view: Object = {key: native[key] for key in _SAME if key in native}
    view["messages"] = _instructions(native.get("instructions")) + _messages(native.get("input"))
    if "max_output_tokens" in native:
        view["max_completion_tokens"] = native["max_output_tokens"]
    if isinstance(native.get("reasoning"), dict) and "effort" in native["reasoning"]:
        view["reasoning_effort"] = native["reasoning"]["effort"]
    if isinstance(native.get("text"), dict) and "format" in native["text"]:
        view["response_format"] = _response_format(native["text"]["format"])
    if isinstance(native.get("tools"), list):
        view["tools"] = [_tool(tool) for tool in native["tools"]]
    return view


def response(native: Any) -> Any:
    """A response as a chat completion with one choice; what is no response (an error's body) as it is."""
    if not isinstance(native, dict) or not isinstance(native.get("output"), list):
        return native
    view: Object = {
        "id": native.get("id"),
        "object": "chat.completion",
        "created": native.get("created_at"),
        "model": native.get("model"),
        "choices": [_choice(native)] if native["output"] or native.get("status") == "completed" else [],
    }
    if native.get("service_tier") is not None:
        view["service_tier"] = native["service_tier"]
    if isinstance(native.get("usage"), dict):
        view["usage"] = _usage(native["usage"])
    if native.get("error"):
        view["error"] = native["error"]
    return view


def _instructions(instructions: Any) -> list[Object]:
    if isinstance(instructions, list):
        return _messages(instructions)
    return [{"role": "system", "content": instructions}] if instructions else []


def _messages(items: Any) -> list[Object]:
    if items is None:
        return []
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    messages: list[Object] = []
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, dict):
            _add_item(messages, item)
        else:
            messages.append({"role": "user", "content": item})
    return messages


def _add_item(messages: list[Object], item: Object) -> None:
    """Put an input item into the conversation; consecutive calls of tools share an assistant's message."""
    kind = item.get("type", "message")
    if kind == "message" or "role" in item:
        messages.append({"role": item.get("role", "user"), "content": _content(item.get("content"))})
    elif _is_call(item):
        if not (messages and messages[-1]["role"] == "assistant"):
            messages.append({"role": "assistant", "content": None})
        messages[-1].setdefault("tool_calls", []).append(_tool_call(item))
    elif "output" in item and "call_id" in item:
        messages.append(
            {"role": "tool", "tool_call_id": item["call_id"], "content": _content(item["output"])}
        )
    elif kind == "reasoning":
        messages.append({"role": "assistant", "content": None, "reasoning": _reasoning(item)})
    else:
        messages.append({"role": "assistant", "content": [item]})


def _is_call(item: Object) -> bool:
    kind = str(item.get("type"))
    is_of_caller = "call_id" in item or kind in ("function_call", "custom_tool_call")
    return kind.endswith("_call") and is_of_caller and "output" not in item


def _tool_call(item: Object) -> Object:
    if item.get("type") == "custom_tool_call":
        custom = {"name": item.get("name"), "input": item.get("input")}
        return {"id": item.get("call_id"), "type": "custom", "custom": custom}
    if item.get("type") == "function_call":
        function = {"name": item.get("name"), "arguments": item.get("arguments")}
        return {"id": item.get("call_id"), "type": "function", "function": function}
    return {"id": item.get("call_id"), **{key: value for key, value in item.items() if key != "call_id"}}


def _content(content: Any) -> Any:
    return [_part(part) for part in content] if isinstance(content, list) else content


def _part(part: Any) -> Any:
    if not isinstance(part, dict) or read_text(part.get("type")) not in _PARTS:
        return part
    kind = _PARTS[part["type"]]
    if kind == "text":
        return {"type": "text", "text": part.get("text")}
    rest = {key: value for key, value in part.items() if key != "type"}
    if kind == "image_url":
        url = rest.pop("image_url", None)
        return {"type": kind, kind: {"url": url, **rest}}
    return {"type": kind, kind: rest}


def _response_format(form: Any) -> Any:
    if isinstance(form, dict) and form.get("type") == "json_schema":
        return {"type": "json_schema", "json_schema": {key: form[key] for key in form if key != "type"}}
    return form


def _tool(tool: Any) -> Any:
    if isinstance(tool, dict) and tool.get("type") in ("function", "custom") and "name" in tool:
        inner = {key: value for key, value in tool.items() if key != "type"}
        return {"type": tool["type"], tool["type"]: inner}
    return tool


def _choice(native: Object) -> Object:
    items = [item for item in native["output"] if isinstance(item, dict)]
    parts = [
        part for item in items if item.get("type") == "message" for part in read_list(item.get("content"))
    ]
    parts = [part for part in parts if isinstance(part, dict)]
    message: Object = {"role": "assistant", "content": _join_texts(parts, "text")}
    refusal = _join_texts(parts, "refusal")
    if refusal is not None:
        message["refusal"] = refusal
    reasoning = [_reasoning(item) for item in items if item.get("type") == "reasoning"]
    if any(reasoning):
        message["reasoning"] = "\n".join(filter(None, reasoning))
    calls = [_tool_call(item) for item in items if _is_call(item)]
    if calls:
        message["tool_calls"] = calls
    annotations = [note for part in parts for note in read_list(part.get("annotations"))]
    if annotations:
        message["annotations"] = annotations
    logprobs = [entry for part in parts for entry in read_list(part.get("logprobs"))]
    choice: Object = {"index": 0, "message": message, "finish_reason": _finish_reason(native, bool(calls))}
    if logprobs:
        choice["logprobs"] = {"content": logprobs, "refusal": None}
    return choice


def _join_texts(parts: list[Object], field: str) -> str | None:
    texts = [part[field] for part in parts if isinstance(part.get(field), str)]
    return "".join(texts) if texts else None


def _reasoning(item: Object) -> str:
    parts = [*read_list(item.get("summary")), *read_list(item.get("content"))]
    return "\n".join(str(part["text"]) for part in parts if isinstance(part, dict) and part.get("text"))


def _finish_reason(native: Object, calls: bool) -> str | None:
    status = native.get("status")
    if status == "incomplete":
        reason = read_mapping(native.get("incomplete_details")).get("reason")
        return _FINISH.get(str(reason), reason)
    if status not in (None, "completed"):
        return None
    return "tool_calls" if calls else "stop"


def _usage(usage: Object) -> Object:
    view = {
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "total_tokens": usage.get("total_tokens"),
    }
    for native, chat in (("input", "prompt"), ("output", "completion")):
        details = usage.get(f"{native}_tokens_details")
        if details is not None:
            view[f"{chat}_tokens_details"] = details
    return view
