"""The law of streams: folding the chunks gives what the same call unstreamed gives, however it was cut."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from log10_trace.record.call import Call
from log10_trace.record.completion import to_json

HEAD = {"id": "c", "created": 7, "model": "m"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
TEXT = st.text(max_size=12)
LOGPROB = st.fixed_dictionaries({"token": TEXT, "logprob": st.floats(-20, 0), "bytes": st.none()})

tool_calls = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.uuids().map(str),
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": st.text(min_size=1, max_size=8), "arguments": TEXT}),
        }
    ),
    min_size=1,
    max_size=3,
)
messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": TEXT},
    optional={"refusal": TEXT, "reasoning_content": TEXT, "x_provider": TEXT, "tool_calls": tool_calls},
)
choices = st.fixed_dictionaries(
    {"message": messages, "finish_reason": st.sampled_from(["stop", "length", "tool_calls"])},
    optional={"logprobs": st.fixed_dictionaries({"content": st.lists(LOGPROB, min_size=1, max_size=3)})},
)


def cut(draw: Any, text: str) -> list[str]:
    """The text in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def deltas_of(draw: Any, choice: dict[str, Any]) -> list[dict[str, Any]]:
    """The pieces of one choice, in an order in which a provider may send them."""
    message = dict(choice["message"])
    tools = message.pop("tool_calls", [])
    role = message.pop("role")
    texts = [[{"delta": {key: piece}} for piece in cut(draw, text)] for key, text in message.items()]
    texts += [fragments_of(draw, number, call) for number, call in enumerate(tools)]
    texts += [
        [
            {"delta": {}, "logprobs": {"content": [one]}}
            for one in choice.get("logprobs", {}).get("content", [])
        ]
    ]
    pieces = [{"delta": {"role": role}}, *interleaved(draw, texts)]
    return [*pieces, {"delta": {}, "finish_reason": choice["finish_reason"]}]


def fragments_of(draw: Any, number: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    """A tool call in fragments; id, type and name come with the first, and with some providers with each."""
    repeated = draw(st.booleans())
    fragments = []
    for position, piece in enumerate(cut(draw, call["function"]["arguments"])):
        whole = {"index": number, "id": call["id"], "type": call["type"]}
        function = {"name": call["function"]["name"], "arguments": piece}
        if position and not repeated:
            whole, function = {"index": number}, {"arguments": piece}
        fragments.append({"delta": {"tool_calls": [{**whole, "function": function}]}})
    return fragments


def interleaved(draw: Any, queues: list[list[Any]]) -> list[Any]:
    """The queues merged in any order that keeps each one's own."""
    queues = [list(queue) for queue in queues if queue]
    merged = []
    while queues:
        queue = draw(st.sampled_from(queues))
        merged.append(queue.pop(0))
        queues = [queue for queue in queues if queue]
    return merged


@st.composite
def streamed(draw: Any) -> tuple[dict[str, Any], bytes]:
    """A chat completion, and the body of a stream that amounts to it."""
    drawn = draw(st.lists(choices, min_size=1, max_size=3))
    whole = {
        **HEAD,
        "object": "chat.completion",
        "choices": [{"index": index, **choice} for index, choice in enumerate(drawn)],
        "usage": USAGE,
    }
    turns = [
        [{"index": choice["index"], "finish_reason": None, **piece} for piece in deltas_of(draw, choice)]
        for choice in whole["choices"]
    ]
    chunks = [{"choices": [piece]} for piece in interleaved(draw, turns)] + [{"choices": [], "usage": USAGE}]
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    comment = draw(st.sampled_from(["", f": KEEP-ALIVE{end}{end}"]))
    ascii_only = draw(st.booleans())
    events = [
        f"data: {json.dumps({**HEAD, 'object': 'chat.completion.chunk', **chunk}, ensure_ascii=ascii_only)}"
        for chunk in chunks
    ]
    done = draw(st.sampled_from([[], ["data: [DONE]"]]))
    return whole, "".join(f"{event}{end}{end}{comment}" for event in [*events, *done]).encode()


def record_of(pieces: list[bytes]) -> dict[str, Any]:
    """The record of a stream whose body came in these pieces."""
    call = Call("/chat/completions", created_ns=0, started_ns=0)
    call.status, call.streamed, call.content_type, call.chunks = "finished", True, "text/event-stream", pieces
    record: dict[str, Any] = json.loads(to_json(call))
    return record


def in_order(value: Any) -> Any:
    return json.dumps(value, sort_keys=True)


@given(streamed(), st.data())
def test_folded_chunks_are_the_unstreamed_response(case: tuple[dict[str, Any], bytes], data: Any) -> None:
    """Whatever the chunking, the interleaving of choices and tool calls, and the cuts of the byte stream."""
    whole, body = case
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    pieces = [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]

    record = record_of(pieces)

    assert in_order(record["response"]) == in_order(whole)
    assert record["status"] == "finished"


@given(streamed(), st.data())
def test_a_stream_cut_anywhere_gives_a_record(case: tuple[dict[str, Any], bytes], data: Any) -> None:
    """A body that breaks off at any byte folds into what came until then, and never fails."""
    whole, body = case

    response = record_of([body[: data.draw(st.integers(0, len(body)))]])["response"]

    for choice in (response or {}).get("choices", []) if isinstance(response, dict) else []:
        full = whole["choices"][choice["index"]]["message"]["content"]
        assert full.startswith(choice["message"].get("content", ""))
