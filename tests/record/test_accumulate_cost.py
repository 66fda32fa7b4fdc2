"""What folding costs: so much for each piece, however many came before it."""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from log10_trace.record import accumulate_choices, accumulate_responses
from log10_trace.record.call import Call
from log10_trace.record.completion import to_json

PIECE = "some text "


class Piece(str):
    """A piece of text that counts the characters which ``+`` copies."""

    copied = 0
    __slots__ = ()

    def __add__(self, other: str) -> Piece:
        Piece.copied += len(self) + len(other)
        return Piece(str(self) + other)

    def __radd__(self, other: str) -> Piece:
        return Piece(other) + self


def chat(**delta: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta}]}


def beside(**fields: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": {}, **fields}]}


def event(kind: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "output_index": 0, "delta": text, **fields}


NOTE = {"type": "url_citation", "url_citation": {"url": "https://a"}}
CHUNKS: dict[str, Callable[[int, str], dict[str, Any]]] = {
    "content": lambda _, text: chat(content=text),
    "an unknown text": lambda _, text: chat(x_provider=text),
    "reasoning in parts": lambda _, text: chat(reasoning_details=[{"type": "t", "index": 0, "text": text}]),
    "content in parts": lambda _, text: chat(
        content=[{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]
    ),
    "parts without end": lambda n, text: chat(content=[{"type": "t", "index": n, "text": text}]),
    "annotations without end": lambda n, _: chat(annotations=[{**NOTE, "start_index": n}]),
    "arguments": lambda _, text: chat(tool_calls=[{"index": 0, "function": {"arguments": text}}]),
    "arguments with their name": lambda _, text: chat(
        tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": text}}]
    ),
    "tool calls without end": lambda n, _: chat(
        tool_calls=[{"index": n, "id": str(n), "function": {"name": "f"}}]
    ),
    "tool calls by id": lambda n, _: chat(tool_calls=[{"id": str(n), "function": {"name": "f"}}]),
    "audio": lambda _, text: chat(audio={"id": "a", "data": text, "transcript": text}),
    "a text completion": lambda _, text: {"choices": [{"index": 0, "text": text}]},
    "choices without end": lambda n, text: {"choices": [{"index": n, "delta": {"content": text}}]},
    "tokens": lambda n, _: beside(token_ids=[n], logprobs={"content": [{"token": n}]}),
    "citations of the chunk": lambda n, _: {"choices": [], "citations": [str(n)], "usage": {"n": n}},
    "a message beside": lambda _, text: beside(message={"content": text}),
}
EVENTS: dict[str, Callable[[int, str], dict[str, Any]]] = {
    "output text": lambda _, text: event("output_text", text, content_index=0, logprobs=[]),
    "logprobs": lambda n, text: event("output_text", text, content_index=0, logprobs=[{"token": n}]),
    "parts without end": lambda n, text: event("output_text", text, content_index=n),
    "arguments": lambda _, text: event("function_call_arguments", text),
    "items without end": lambda n, text: {**event("output_text", text), "output_index": n},
    "items without index": lambda n, _: {"type": "response.output_item.added", "item": {"id": str(n)}},
    "annotations": lambda n, _: {
        "type": "response.output_text.annotation.added",
        "output_index": 0,
        "content_index": 0,
        "annotation": {"n": n},
    },
}


def text_fold(events: list[Any]) -> Any:
    return accumulate_choices.accumulate(events, "chat.completion")


CASES = [(text_fold, make) for make in CHUNKS.values()] + [
    (accumulate_responses.accumulate, make) for make in EVENTS.values()
]
IDS = [f"chunks, {name}" for name in CHUNKS] + [f"events, {name}" for name in EVENTS]


def steps(fold: Callable[[list[Any]], Any], events: list[Any]) -> int:
    """The calls and lines that a fold runs through."""
    count = 0

    def trace(*_: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        fold(events)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(("fold", "make"), CASES, ids=IDS)
def test_twice_as_many_pieces_take_twice_as_many_steps(
    fold: Callable[[list[Any]], Any], make: Callable[[int, str], Any]
) -> None:
    """No piece is held against all that came before it."""
    few = steps(fold, [make(n, PIECE) for n in range(100)])
    many = steps(fold, [make(n, PIECE) for n in range(1_000)])

    assert many < few * 11


@pytest.mark.parametrize(("fold", "make"), CASES, ids=IDS)
def test_no_text_is_copied_for_each_piece(
    fold: Callable[[list[Any]], Any], make: Callable[[int, str], Any]
) -> None:
    """The pieces are joined once at the end."""
    Piece.copied = 0

    fold([make(n, Piece(PIECE)) for n in range(1_000)])

    assert Piece.copied <= 10 * len(PIECE)


@pytest.mark.parametrize(
    "make",
    [CHUNKS["content"], CHUNKS["reasoning in parts"], EVENTS["output text"]],
    ids=["content", "parts", "events"],
)
def test_a_long_stream_takes_less_room_than_its_bytes(make: Callable[[int, str], Any]) -> None:
    """Its events are not all in memory at the same time."""
    body = b"".join(f"data: {json.dumps(make(n, PIECE))}\n\n".encode() for n in range(40_000))
    call = Call("/responses" if b"response." in body else "/chat/completions", created_ns=0, started_ns=0)
    call.status, call.streamed, call.chunks = "finished", True, [body]
    to_json(call)  # what is made once in a process is not counted

    tracemalloc.start()
    try:
        to_json(call)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < len(body)
