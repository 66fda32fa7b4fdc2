"""The law of streams: folding the chunks gives what the same call unstreamed gives, however it was cut."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from log10_trace.record import accumulate_choices, accumulate_responses
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
BLOCKS = {"reasoning.text": "text", "reasoning.summary": "summary", "reasoning.encrypted": "data"}


def block(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """A part of the reasoning; with OpenRouter all have index 0."""
    signature = {"signature": st.text(min_size=1, max_size=8)} if kind == "reasoning.text" else {}
    return st.fixed_dictionaries(
        {"type": st.just(kind), "index": st.just(0), BLOCKS[kind]: st.text(min_size=1, max_size=8)},
        optional=signature,
    )


blocks = (
    st.lists(st.sampled_from([*BLOCKS]), min_size=1, max_size=4)
    .map(lambda kinds: [kind for kind, before in zip(kinds, ["", *kinds], strict=False) if kind != before])
    .flatmap(lambda kinds: st.tuples(*map(block, kinds)).map(list))
)
messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": TEXT},
    optional={
        "refusal": TEXT,
        "reasoning_content": TEXT,
        "x_provider": TEXT,
        "tool_calls": tool_calls,
        "reasoning_details": blocks,
    },
)
choices = st.fixed_dictionaries(
    {"message": messages, "finish_reason": st.sampled_from(["stop", "length", "tool_calls"])},
    optional={
        "logprobs": st.fixed_dictionaries({"content": st.lists(LOGPROB, min_size=1, max_size=3)}),
        "token_ids": st.lists(st.integers(0, 2), min_size=1, max_size=5),
    },
)


def cut(draw: Any, text: Any) -> list[Any]:
    """The text, or the list, in pieces; some may be empty."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def deltas_of(draw: Any, choice: dict[str, Any]) -> list[dict[str, Any]]:
    """The pieces of one choice, in an order in which a provider may send them."""
    message = dict(choice["message"])
    tools = message.pop("tool_calls", [])
    details = message.pop("reasoning_details", [])
    role = message.pop("role")
    texts = [[{"delta": {key: piece}} for piece in cut(draw, text)] for key, text in message.items()]
    texts += [fragments_of(draw, number, call) for number, call in enumerate(tools)]
    texts += [[piece for one in details for piece in block_fragments_of(draw, one)]]
    if "token_ids" in choice:
        texts.append([{"delta": {}, "token_ids": piece} for piece in cut(draw, choice["token_ids"])])
    texts += [
        [
            {"delta": {}, "logprobs": {"content": [one]}}
            for one in choice.get("logprobs", {}).get("content", [])
        ]
    ]
    pieces = [{"delta": {"role": role}}, *interleaved(draw, texts)]
    return [*pieces, {"delta": {}, "finish_reason": choice["finish_reason"]}]


def block_fragments_of(draw: Any, whole: dict[str, Any]) -> list[dict[str, Any]]:
    """A part of the reasoning in fragments; data comes whole, and a signature last."""
    field = BLOCKS[whole["type"]]
    pieces = [whole[field]] if field == "data" else cut(draw, whole[field])
    fragments = [{"type": whole["type"], "index": 0, field: piece} for piece in pieces]
    if "signature" in whole:
        fragments.append({"type": whole["type"], "index": 0, "signature": whole["signature"]})
    return [{"delta": {"reasoning_details": [fragment]}} for fragment in fragments]


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


def record_of(pieces: list[bytes], endpoint: str = "/chat/completions") -> dict[str, Any]:
    """The record of a stream whose body came in these pieces."""
    call = Call(endpoint, created_ns=0, started_ns=0)
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


@st.composite
def streamed_text(draw: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A text completion with its parallel lists, and the chunks that amount to it."""
    tokens = draw(st.lists(TEXT, max_size=5))
    lists = {"tokens": tokens, "token_logprobs": [-0.5] * len(tokens), "text_offset": [0] * len(tokens)}
    head = {**HEAD, "object": "text_completion"}
    choice = {"index": 0, "finish_reason": "stop", "text": "".join(tokens), "logprobs": lists}
    chunks = [
        {
            **head,
            "choices": [
                {
                    "index": 0,
                    "text": token,
                    "logprobs": {key: values[at : at + 1] for key, values in lists.items()},
                    "finish_reason": None,
                }
            ],
        }
        for at, token in enumerate(tokens)
    ]
    empty = {key: [] for key in lists}
    last = {"index": 0, "text": "", "logprobs": empty, "finish_reason": "stop"}
    return {**head, "choices": [choice], "usage": USAGE}, [
        *chunks,
        {**head, "choices": [last]},
        {**head, "choices": [], "usage": USAGE},
    ]


@given(streamed_text())
def test_folded_text_completions_are_the_unstreamed_one(
    case: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    """Text and parallel lists grow with every chunk, equal ones too."""
    whole, chunks = case

    assert in_order(accumulate_choices.accumulate(chunks, "text_completion")) == in_order(whole)


PART = st.sampled_from([("output_text", "text", "content"), ("refusal", "refusal", "content")])
SUMMARY = ("summary_text", "text", "summary")
DELTAS = {"summary_text": "reasoning_summary_text"}


@st.composite
def streamed_response(draw: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A response, and the events of its stream without the last one."""
    items: list[dict[str, Any]] = []
    queues: list[list[dict[str, Any]]] = []
    for at in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["message", "reasoning", "function_call"]))
        item: dict[str, Any] = {"id": f"i{at}", "type": kind}
        place = {"output_index": at, "item_id": f"i{at}"}
        queue: list[dict[str, Any]] = [
            {"type": "response.output_item.added", "output_index": at, "item": dict(item)}
        ]
        if kind == "function_call":
            item["arguments"] = draw(TEXT)
            queue += [
                {"type": "response.function_call_arguments.delta", **place, "delta": piece}
                for piece in cut(draw, item["arguments"])
            ]
        for number in range(draw(st.integers(1, 2)) if kind != "function_call" else 0):
            name, field, holder = SUMMARY if kind == "reasoning" else draw(PART)
            part = {"type": name, field: draw(TEXT)} | ({"annotations": []} if name == "output_text" else {})
            item.setdefault(holder, []).append(part)
            index = "summary_index" if holder == "summary" else "content_index"
            event = f"response.{DELTAS.get(name, name)}.delta"
            queue += [
                {"type": event, **place, index: number, "delta": piece} for piece in cut(draw, part[field])
            ]
        if draw(st.booleans()):
            queue.append({"type": "response.output_item.done", "output_index": at, "item": item})
        items.append(item)
        queues.append(queue)
    begun = {"type": "response.created", "response": {"id": "r", "object": "response", "output": []}}
    return {"id": "r", "object": "response", "output": items}, [begun, *interleaved(draw, queues)]


@given(streamed_response(), st.booleans())
def test_folded_events_are_the_unstreamed_response(
    case: tuple[dict[str, Any], list[dict[str, Any]]], ended: bool
) -> None:
    """Whether the event that holds all of it comes or not."""
    whole, events = case
    last = [{"type": "response.completed", "response": whole}] if ended else []

    assert in_order(accumulate_responses.accumulate([*events, *last])) == in_order(whole)


NAMES = st.sampled_from(
    [
        "choices",
        "delta",
        "message",
        "content",
        "index",
        "id",
        "type",
        "text",
        "tool_calls",
        "function",
        "arguments",
        "name",
        "logprobs",
        "usage",
        "object",
        "reasoning_details",
        "thinking",
        "signature",
        "data",
        "role",
        "audio",
        "finish_reason",
        "response",
        "item",
        "output_index",
        "part",
        "content_index",
        "annotation",
        "item_id",
        "output",
        "status",
        "input",
        "custom",
        "token_ids",
        "error",
        "x",
    ]
)
KINDS = st.sampled_from(
    [
        f"response.{name}.{verb}"
        for name in ("output_text", "output_item", "content_part")
        for verb in ("delta", "done")
    ]
    + ["response.output_item.added", "response.completed", "response.output_text.annotation.added"]
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.sampled_from(["", "a", "{}", "text"])
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)
OBJECT = st.dictionaries(NAMES, ANYTHING, max_size=4)
ODD_CHUNKS = (
    OBJECT
    | st.builds(
        lambda delta, at: {"choices": [{"index": at, "delta": delta}]}, OBJECT, st.none() | st.integers(0, 1)
    )
    | st.builds(lambda kind, fields: {"output_index": 0, **fields, "type": kind}, KINDS, OBJECT)
)


@given(st.lists(ODD_CHUNKS, max_size=5), st.sampled_from(["/chat/completions", "/completions", "/responses"]))
def test_whatever_events_come_there_is_a_record(chunks: list[dict[str, Any]], endpoint: str) -> None:
    """Fields of any type at any place fold into something that is JSON."""
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)

    record = record_of([body], endpoint)

    assert record["status"] in ("finished", "failed")
