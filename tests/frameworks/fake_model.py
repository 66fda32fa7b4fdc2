"""Answers that frameworks can go on with: tools are called, schemas are filled, plain or as a stream."""

from __future__ import annotations

import json
from typing import Any

from tests.model_answers import CREATED, USAGE, chat, chat_chunks, response, response_events
from tests.model_endpoint import Answer, Received, json_answer, sse, sse_answer

FINAL = ("final", "finish", "submit", "set_output")
"""Beginnings of the names of tools that end an agent's run: they are called after the others."""


def reply(request: Received, text: str) -> Answer:
    """A tool that was not called yet, else JSON for the schema that is asked for, else ``text``."""
    asked = request.json
    tool = _next_tool(asked)
    schema = _schema_of(asked)
    if tool is None and schema is not None:
        text = json.dumps(fill(schema, schema))
    if "/responses" in request.path:
        return _response(asked, text, tool)
    if not asked.get("stream"):
        return json_answer(chat(text) if tool is None else _chat_that_calls(tool))
    chunks = chat_chunks(*_words(text)) if tool is None else _chunks_that_call(tool)
    return sse_answer(*sse(*chunks))


def fill(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """A value that fits a JSON Schema, as far as frameworks write them."""
    if "$ref" in schema:
        path = schema["$ref"].removeprefix("#/").split("/")
        for part in path:
            root = root[part]
        return fill(root, root)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return fill(schema[choice][0], root)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object")
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: fill(each, schema if "$defs" in schema else root) for name, each in properties.items()}
    return {"string": "Paris", "integer": 3, "number": 3.5, "boolean": True, "array": []}.get(kind)


def _words(text: str) -> list[str]:
    middle = len(text) // 2
    return [text[:middle], text[middle:]]


def _next_tool(asked: dict[str, Any]) -> tuple[str, str] | None:
    """The name and the arguments of the tool to call now."""
    history = asked.get("messages") or asked.get("input") or []
    written = json.dumps([each for each in history if isinstance(each, dict) and _is_of_the_model(each)])
    tools = [
        tool.get("function", tool) for tool in asked.get("tools") or [] if tool.get("type") == "function"
    ]
    left = [tool for tool in tools if tool["name"] not in written]
    left.sort(key=lambda tool: tool["name"].startswith(FINAL))
    if not left or (written != "[]" and not left[0]["name"].startswith(FINAL)):
        return None
    schema = left[0].get("parameters") or {}
    return left[0]["name"], json.dumps(fill(schema, schema))


def _is_of_the_model(message: dict[str, Any]) -> bool:
    return message.get("role") == "assistant" or message.get("type") == "function_call"


def _schema_of(asked: dict[str, Any]) -> dict[str, Any] | None:
    form = asked.get("response_format") or (asked.get("text") or {}).get("format") or {}
    if form.get("type") != "json_schema":
        return None
    found: dict[str, Any] = form.get("json_schema", form)["schema"]
    return found


def _chat_that_calls(tool: tuple[str, str]) -> dict[str, Any]:
    function = {"name": tool[0], "arguments": tool[1]}
    body = chat(None, tool_calls=[{"id": "call_1", "type": "function", "function": function}])
    body["choices"][0]["finish_reason"] = "tool_calls"
    return body


def _chunks_that_call(tool: tuple[str, str]) -> list[dict[str, Any]]:
    head = {"id": "cmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": "fake-1"}
    function = {"name": tool[0], "arguments": tool[1]}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    deltas: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": None, "tool_calls": [call]}, None),
        ({}, "tool_calls"),
    ]
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas
    ]
    return [*chunks, {**head, "choices": [], "usage": USAGE}]


def _response(asked: dict[str, Any], text: str, tool: tuple[str, str] | None) -> Answer:
    if tool is None:
        whole = response(text)
        events = response_events(*_words(text))
    else:
        item = {
            "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": tool[0], "arguments": tool[1],
            "status": "completed",
        }  # fmt: skip
        whole = {**response(), "output": [item]}
        started = {**response(status="in_progress"), "output": []}
        at = {"item_id": "fc_1", "output_index": 0}
        events = [
            {"type": "response.created", "response": started},
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": {**item, "arguments": "", "status": "in_progress"},
            },
            {"type": "response.function_call_arguments.delta", **at, "delta": tool[1]},
            {"type": "response.function_call_arguments.done", **at, "arguments": tool[1]},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": whole},
        ]
        events = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return sse_answer(*sse(*events, done=False)) if asked.get("stream") else json_answer(whole)
