"""Answers of the fake model: what each endpoint says when nothing is scripted, plain or as stream events."""

from __future__ import annotations

import json
from typing import Any

CREATED = 1_700_000_000
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def default_body(path: str, body: bytes) -> Any:
    """A completion that fits the request; a list stands for the events of a stream."""
    asked = json.loads(body or b"{}")
    streamed = bool(asked.get("stream"))
    path = path.partition("?")[0]
    if path.endswith("/chat/completions"):
        return chat_chunks(n=asked.get("n") or 1) if streamed else chat(n=asked.get("n") or 1)
    if path.endswith("/completions"):
        return text_chunks() if streamed else text()
    if path.endswith("/responses"):
        return response_events() if streamed else response()
    if path.endswith("/v1/messages"):
        return message_events(message()) if streamed else message()
    return {"object": "list", "data": []}


def chat(content: str | None = "Hello there", *, n: int = 1, **message: Any) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": content, **message}
    choices = [{"index": i, "message": message, "logprobs": None, "finish_reason": "stop"} for i in range(n)]
    return {**_head("chat.completion"), "choices": choices, "usage": USAGE}


def chat_chunks(*words: str, n: int = 1, usage: bool = True) -> list[dict[str, Any]]:
    """The same as the events of a stream; the choices take turns."""
    head = _head("chat.completion.chunk")
    words = words or ("Hello", " there")
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words), {}]
    chunks = [
        {**head, "choices": [{"index": i, "delta": delta, "finish_reason": None if delta else "stop"}]}
        for delta in deltas
        for i in range(n)
    ]
    return [*chunks, {**head, "choices": [], "usage": USAGE}] if usage else chunks


def text() -> dict[str, Any]:
    """A text completion."""
    choice = {"index": 0, "text": "Hello there", "logprobs": None, "finish_reason": "stop"}
    return {**_head("text_completion"), "choices": [choice], "usage": USAGE}


def text_chunks() -> list[dict[str, Any]]:
    """The same as the events of a stream."""
    head = _head("text_completion")
    pieces = [("Hello", None), (" there", None), ("", "stop")]
    return [
        {**head, "choices": [{"index": 0, "text": piece, "logprobs": None, "finish_reason": reason}]}
        for piece, reason in pieces
    ]


def response(text: str = "Hello there", *, status: str = "completed") -> dict[str, Any]:
    """A response of the Responses API."""
    done = status == "completed"
    usage = {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 5,
    }
    return {
        "id": "resp_1", "object": "response", "created_at": CREATED, "status": status, "error": None,
        "incomplete_details": None, "instructions": None, "model": "fake-1", "parallel_tool_calls": True,
        "output": [message_item(text)] if done else [], "tool_choice": "auto", "tools": [],
        "temperature": 1.0, "top_p": 1.0, "metadata": {}, "usage": usage if done else None,
    }  # fmt: skip


def message_item(text: str, status: str = "completed") -> dict[str, Any]:
    """An output message."""
    part = {"type": "output_text", "text": text, "annotations": []}
    content = [part] if status == "completed" else []
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content}


def response_events(*words: str) -> list[dict[str, Any]]:
    """A response as the events of its stream."""
    words = words or ("Hello", " there")
    whole = "".join(words)
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response(status="in_progress")},
        {"type": "response.in_progress", "response": response(status="in_progress")},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": message_item("", status="in_progress"),
        },
        {"type": "response.content_part.added", **at, "part": part},
        *({"type": "response.output_text.delta", **at, "delta": word, "logprobs": []} for word in words),
        {"type": "response.output_text.done", **at, "text": whole, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": {**part, "text": whole}},
        {"type": "response.output_item.done", "output_index": 0, "item": message_item(whole)},
        {"type": "response.completed", "response": response(whole)},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def message(text: str = "Hello there", *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message of Anthropic's API."""
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 2,
        "service_tier": "standard",
    }
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": text}, *blocks], "stop_reason": "end_turn",
        "stop_sequence": None, "usage": usage, **more,
    }  # fmt: skip


def message_events(whole: dict[str, Any], *, pieces: int = 2) -> list[dict[str, Any]]:
    """A message as the events of its stream, its texts in a number of pieces."""
    usage = {**whole["usage"], "output_tokens": 1}
    begun = {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(whole["content"]):
        empty, deltas = _deltas_of(block, pieces)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events.append({"type": "ping"})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    counted = {"output_tokens": whole["usage"]["output_tokens"]}
    events.append({"type": "message_delta", "delta": end, "usage": counted})
    return [*events, {"type": "message_stop"}]


def _deltas_of(block: dict[str, Any], pieces: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as it begins, and what brings the rest of it; a block that comes whole has no more."""
    kind = block["type"]
    if kind == "text":
        empty = {**block, "text": ""}
        cited = empty.pop("citations", None)
        texts = [{"type": "text_delta", "text": each} for each in cut(block["text"], pieces)]
        return empty, texts + [{"type": "citations_delta", "citation": each} for each in cited or []]
    if kind == "thinking":
        empty = {**block, "thinking": "", "signature": ""}
        texts = [{"type": "thinking_delta", "thinking": each} for each in cut(block["thinking"], pieces)]
        return empty, [*texts, {"type": "signature_delta", "signature": block["signature"]}]
    if kind in ("tool_use", "server_tool_use"):
        written = json.dumps(block["input"]) if block["input"] else ""
        fragments = ["", *cut(written, pieces)]
        deltas = [{"type": "input_json_delta", "partial_json": each} for each in fragments]
        return {**block, "input": {}}, deltas
    return block, []


def cut(text: str, pieces: int) -> list[str]:
    """The text in so many pieces."""
    size = -(-len(text) // pieces) or 1
    return [text[at : at + size] for at in range(0, len(text), size)]


def _head(kind: str) -> dict[str, Any]:
    return {
        "id": "cmpl-1",
        "object": kind,
        "created": CREATED,
        "model": "fake-1",
        "system_fingerprint": "fp_1",
    }
