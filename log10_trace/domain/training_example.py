"""A training example for OpenAI's supervised fine-tuning of chat models, made of one record. Pure.

The trainer takes ``messages`` that end with the assistant's, ``tools`` (or ``functions``) and
``parallel_tool_calls``. Messages hold text, those of a user pictures as well; calls are of functions that the
example offers, and each but the last message's is followed by its result. A file with one example that does
not fit is refused whole, and an example with an answer that was cut off teaches to cut off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from log10_trace.domain.call_labels import FINISHED
from log10_trace.domain.conversation import list_choices

Object = dict[str, Any]

_WHOLE: Final = ("stop", "tool_calls", "function_call")
_CUT_OFF: Final = {
    None: "without a finish reason",
    "length": "cut off by the token limit",
    "content_filter": "cut off by the content filter",
}
_BUILT_IN: Final = "with custom or built-in tools"
_UNPAIRED: Final = "with tool calls and results that do not match"
_MALFORMED: Final = "with a tool call that is malformed"
_FOREIGN: Final = "with content that the trainer does not take"
_EARLIER: Final = ("previous_response_id", "conversation")
_SERVER_TOOLS: Final = ("web_search_options", "data_sources", "plugins")
_OWN_ITEMS: Final = ("message", "reasoning", "function_call")
_MAX_PICTURES: Final = 10
_PICTURES: Final = ("https://", "http://", "data:image/")


class UnsuitableError(ValueError):
    """The call makes no training example; the message is the reason, one of a small number of phrases."""


def training_example(call: Object) -> Object:
    """The example that a record makes: the messages with the answer as the last, and the tools offered.

    Raises:
        UnsuitableError: the answer is not whole, or the trainer would refuse the example.
    """
    request, answer = _request(call), _answer(call)
    _check_is_complete(call, request)
    asked = request.get("messages")
    if not isinstance(asked, list) or not asked or not all(isinstance(each, dict) for each in asked):
        raise UnsuitableError("without chat messages")
    if isinstance(call.get("native_request"), dict):
        asked = _join_messages(asked)
    offered = _collect_tools(request)
    messages = [_message(message, offered) for message in asked]
    messages.append(_assistant(answer, offered))
    _check_results(messages)
    _check_pictures(messages)
    return {"messages": messages, **offered}


def _request(call: Object) -> Object:
    if call.get("status") != FINISHED or call.get("interrupted"):
        raise UnsuitableError("failed, interrupted or not finished")
    if call.get("content_omitted"):
        raise UnsuitableError("with contents that were not kept")
    request = call.get("request")
    if not isinstance(request, dict):
        raise UnsuitableError("without chat messages")
    return request


def _answer(call: Object) -> Object:
    """The message of the first choice, which must have come to its own end."""
    response = call.get("response")
    choices = list_choices(response)
    answer = choices[0].get("message") if choices else None
    if not isinstance(response, dict) or not isinstance(answer, dict) or response.get("error"):
        raise UnsuitableError("without an answer")
    reason = choices[0].get("finish_reason")
    if reason not in _WHOLE:
        named = reason if isinstance(reason, str) else None
        raise UnsuitableError(_CUT_OFF.get(named, "with a finish reason that is none of OpenAI's"))
    if reason != "stop" and not answer.get(reason):
        raise UnsuitableError("with tool calls that are missing")
    if answer.get("refusal"):
        raise UnsuitableError("refused by the model")
    if answer.get("executed_tools") or answer.get("annotations"):
        raise UnsuitableError(_BUILT_IN)  # it cites what was found for it
    return answer


def _check_is_complete(call: Object, request: Object) -> None:
    """Nothing that the answer rests on may lie at the provider only."""
    native, given = call.get("native_request"), call.get("native_response")
    for asked in (request, native):
        if isinstance(asked, dict):
            has_stored_prompt = isinstance(asked.get("prompt"), dict)
            if has_stored_prompt or any(asked.get(name) is not None for name in _EARLIER):
                raise UnsuitableError("with messages that the provider keeps")
            if any(asked.get(name) not in (None, []) for name in _SERVER_TOOLS):
                raise UnsuitableError(_BUILT_IN)
    if isinstance(given, dict):
        items = given.get("output")
        items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        if any(each.get("status") not in (None, "completed") for each in (given, *items)):
            raise UnsuitableError("incomplete")
        if any(item.get("type", "message") not in _OWN_ITEMS for item in items):
            raise UnsuitableError(_BUILT_IN)


def _join_messages(messages: Iterable[Object]) -> list[Object]:
    """Items of the Responses API as the trainer has them: no reasoning, calls made at once in one message."""
    joined: list[Object] = []
    for message in messages:
        if message.keys() == {"role", "content", "reasoning"} and message["content"] is None:
            continue
        last = joined[-1] if joined else {}
        if last.get("tool_calls") and message.get("tool_calls") and not message.get("content"):
            joined[-1] = {**last, "tool_calls": [*last["tool_calls"], *message["tool_calls"]]}
        else:
            joined.append(message)
    return joined


def _collect_tools(request: Object) -> Object:
    """The tools that the request offers, as the example names them."""
    offered: Object = {}
    tools, functions = (request.get(name) or [] for name in ("tools", "functions"))
    if not isinstance(tools, list) or not all(_is_function(tool, "function") for tool in tools):
        raise UnsuitableError(_BUILT_IN)
    if not isinstance(functions, list) or not all(map(_has_name, functions)):
        raise UnsuitableError(_BUILT_IN)
    if tools:
        offered["tools"] = [{"type": "function", "function": tool["function"]} for tool in tools]
        if isinstance(request.get("parallel_tool_calls"), bool):
            offered["parallel_tool_calls"] = request["parallel_tool_calls"]
    if functions:
        offered["functions"] = functions
    return offered


def _is_function(tool: Any, name: str) -> bool:
    return isinstance(tool, dict) and tool.get("type", "function") == "function" and _has_name(tool.get(name))


def _has_name(function: Any) -> bool:
    return isinstance(function, dict) and isinstance(function.get("name"), str) and bool(function["name"])


def _message(message: Object, offered: Object) -> Object:
    role = message.get("role")
    read = _ROLES.get(role) if isinstance(role, str) else None
    if read is None:
        raise UnsuitableError("with a role that the trainer does not take")
    return read(message, offered)


def _system(message: Object, _: Object) -> Object:
    return _copy_name({"role": "system", "content": _content(message, pictures=False)}, message)


def _user(message: Object, _: Object) -> Object:
    return _copy_name({"role": "user", "content": _content(message, pictures=True)}, message)


def _tool(message: Object, _: Object) -> Object:
    if not isinstance(message.get("tool_call_id"), str):
        raise UnsuitableError(_UNPAIRED)
    content = _content(message, pictures=False)
    return {"role": "tool", "tool_call_id": message["tool_call_id"], "content": content}


def _function(message: Object, _: Object) -> Object:
    if not isinstance(message.get("name"), str):
        raise UnsuitableError(_UNPAIRED)
    return _copy_name({"role": "function", "content": _content(message, pictures=False)}, message)


def _assistant(message: Object, offered: Object) -> Object:
    made = _copy_name({"role": "assistant"}, message)
    if message.get("content"):
        made["content"] = _content(message, pictures=False)
    if message.get("tool_calls"):
        made["tool_calls"] = _tool_calls(message["tool_calls"], offered)
    if message.get("function_call"):
        made["function_call"] = _read_function_call(message["function_call"], offered.get("functions", ()))
    if not (_has_text(made.get("content")) or "tool_calls" in made or "function_call" in made):
        raise UnsuitableError("with an empty message of the assistant")
    return made


_ROLES: Final[dict[str, Callable[[Object, Object], Object]]] = {
    "system": _system,
    "developer": _system,
    "user": _user,
    "assistant": _assistant,
    "tool": _tool,
    "function": _function,
}


def _copy_name(made: Object, message: Object) -> Object:
    return {**made, "name": message["name"]} if isinstance(message.get("name"), str) else made


def _content(message: Object, *, pictures: bool) -> Any:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content:
        return [_part(part, pictures=pictures) for part in content]
    raise UnsuitableError("with a message without content")


def _part(part: Any, *, pictures: bool) -> Object:
    given: Object = part if isinstance(part, dict) else {}
    kind, text, picture = (given.get(name) for name in ("type", "text", "image_url"))
    if kind == "text" and isinstance(text, str):
        return {"type": "text", "text": text}
    if kind == "image_url" and pictures and isinstance(picture, dict):
        kept = {name: picture[name] for name in ("url", "detail") if isinstance(picture.get(name), str)}
        if kept.get("url", "").startswith(_PICTURES):
            return {"type": "image_url", "image_url": kept}
    raise UnsuitableError(_FOREIGN)


def _has_text(content: Any) -> bool:
    texts = [content] if isinstance(content, str) else [part["text"] for part in content or ()]
    return any(text.strip() for text in texts)


def _tool_calls(calls: Any, offered: Object) -> list[Object]:
    if not isinstance(calls, list):
        raise UnsuitableError(_MALFORMED)
    functions = [tool["function"] for tool in offered.get("tools", ())]
    made = []
    for call in calls:
        if not _is_function(call, "function"):
            raise UnsuitableError(_BUILT_IN)
        if not isinstance(call.get("id"), str):
            raise UnsuitableError(_MALFORMED)
        made.append(
            {
                "id": call["id"],
                "type": "function",
                "function": _read_function_call(call["function"], functions),
            }
        )
    return made


def _read_function_call(function: Any, functions: Iterable[Object]) -> Object:
    """Name and arguments of a call, if it is to one of ``functions``."""
    if not _has_name(function) or not _is_json(function.get("arguments")):
        raise UnsuitableError(_MALFORMED)
    if all(each["name"] != function["name"] for each in functions):
        raise UnsuitableError("with calls of tools that the request does not offer")
    return {"name": function["name"], "arguments": function["arguments"]}


def _is_json(arguments: Any) -> bool:
    try:
        return isinstance(arguments, str) and isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _check_results(messages: Iterable[Object]) -> None:
    """Each result answers a call of the assistant's message before it, and each call but the last has one."""
    awaited: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in awaited:
                raise UnsuitableError(_UNPAIRED)
            awaited.remove(message["tool_call_id"])
        elif awaited:
            raise UnsuitableError(_UNPAIRED)
        else:
            awaited = [call["id"] for call in message.get("tool_calls", ())]


def _check_pictures(messages: Iterable[Object]) -> None:
    contents = (message.get("content") for message in messages)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    if sum(part["type"] == "image_url" for part in parts) > _MAX_PICTURES:
        raise UnsuitableError(_FOREIGN)
