"""The events of a streamed response, with and without the event that holds it whole."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from log10_trace.record.accumulate_responses import ResponseAccumulator

Event = dict[str, Any]


def event(kind: str, at: int | None = 0, **fields: Any) -> Event:
    place = {} if at is None else {"output_index": at}
    return {"type": f"response.{kind}", **place, **fields}


def folded(*events: Event) -> ResponseAccumulator:
    response = ResponseAccumulator()
    for each in events:
        response.add(copy.deepcopy(each))
    return response


def output(*events: Event) -> Any:
    return folded(event("created", None, response={"id": "r", "output": []}), *events).finish()["output"]


MESSAGE = {"id": "m", "type": "message", "role": "assistant", "content": []}
TEXT = {"type": "output_text", "text": "Hello", "annotations": []}
NOTE = {"type": "url_citation", "url": "https://a"}

PIECES: dict[str, tuple[list[Event], list[Any]]] = {
    "text by deltas alone": (
        [event("output_text.delta", content_index=0, delta="ha")] * 2,
        [{"content": [{"type": "output_text", "annotations": [], "text": "haha"}]}],
    ),
    "text with its part, logprobs and annotations": (
        [
            event("output_item.added", item=MESSAGE),
            event("content_part.added", content_index=0, part={**TEXT, "text": "", "logprobs": []}),
            event("output_text.delta", content_index=0, delta="Hel", logprobs=[{"token": "Hel"}]),
            event("output_text.delta", content_index=0, delta="lo", logprobs=[{"token": "lo"}]),
            event("output_text.annotation.added", content_index=0, annotation=NOTE),
        ],
        [
            {
                **MESSAGE,
                "content": [{**TEXT, "annotations": [NOTE], "logprobs": [{"token": "Hel"}, {"token": "lo"}]}],
            }
        ],
    ),
    "a text of which only the end came": (
        [event("output_text.done", content_index=0, text="Hello")],
        [{"content": [TEXT]}],
    ),
    "a part of which only the end came": (
        [event("output_item.added", item=MESSAGE), event("content_part.done", content_index=1, part=TEXT)],
        [{**MESSAGE, "content": [TEXT]}],
    ),
    "two parts of a summary": (
        [
            event("reasoning_summary_text.delta", summary_index=1, delta="b"),
            event("reasoning_summary_text.delta", summary_index=0, delta="a"),
            event("reasoning_summary_part.added", summary_index=2, part={"type": "summary_text", "text": ""}),
            event("reasoning_summary_text.delta", summary_index=2, delta="c"),
        ],
        [{"summary": [{"type": "summary_text", "text": text} for text in "abc"]}],
    ),
    "arguments, input and code": (
        [
            event("output_item.added", item={"type": "function_call", "arguments": ""}),
            event("function_call_arguments.delta", delta="{"),
            event("function_call_arguments.delta", delta="}"),
            event("custom_tool_call_input.delta", 1, delta="ha"),
            event("custom_tool_call_input.delta", 1, delta="ha"),
            event("code_interpreter_call_code.delta", 2, delta="1"),
            event("code_interpreter_call_code.done", 2, code="1+1"),
            event("mcp_call_arguments.done", 3, arguments="{}"),
        ],
        [
            {"type": "function_call", "arguments": "{}"},
            {"input": "haha"},
            {"code": "1+1"},
            {"arguments": "{}"},
        ],
    ),
    "items that all have index 0": (
        [
            event("output_item.added", item={"id": "a", "type": "reasoning", "summary": []}),
            event("output_item.done", item={"id": "a", "type": "reasoning", "summary": ["x"]}),
            event("output_item.added", item=MESSAGE),
            event("output_text.delta", item_id="m", content_index=0, delta="Hello"),
        ],
        [{"id": "a", "type": "reasoning", "summary": ["x"]}, {**MESSAGE, "content": [TEXT]}],
    ),
    "items without an index": (
        [
            event("output_item.added", None, item=MESSAGE),
            event("output_text.delta", None, item_id="m", content_index=0, delta="Hel"),
            event("output_text.delta", None, item_id="m", content_index=0, delta="lo"),
            event("function_call_arguments.delta", None, item_id="f", delta="{"),
            event("function_call_arguments.delta", None, delta="}"),
        ],
        [{**MESSAGE, "content": [TEXT]}, {"id": "f", "arguments": "{}"}],
    ),
    "an item that has another id when it is done": (
        [
            event("output_item.added", item=MESSAGE),
            event("output_item.done", item={**MESSAGE, "id": "n", "content": [TEXT]}),
            event("output_text.delta", content_index=0, delta="late"),
        ],
        [{**MESSAGE, "id": "n", "content": [TEXT]}],
    ),
    "indices with gaps, however large": (
        [
            event("output_text.delta", 7, content_index=10**12, delta="a"),
            event("refusal.delta", 3, delta="b"),
        ],
        [
            {"content": [{"type": "refusal", "refusal": "b"}]},
            {"content": [{"type": "output_text", "annotations": [], "text": "a"}]},
        ],
    ),
}


@pytest.mark.parametrize(("events", "items"), PIECES.values(), ids=PIECES)
def test_items_are_put_together_without_the_last_event(events: list[Event], items: list[Any]) -> None:
    """A stream that breaks off gives its items as far as they came."""
    assert output(*events) == items


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed", "cancelled"])
def test_the_response_of_the_last_event_holds(kind: str) -> None:
    """Whatever the deltas say, and whatever comes after it."""
    whole = {"id": "r", "status": kind, "output": [{**MESSAGE, "content": [TEXT]}]}
    found = folded(
        event("output_text.delta", content_index=0, delta="Hel"),
        event(kind, None, response=whole),
        event("in_progress", None, response={"id": "r", "output": []}),
    )

    assert found.finish() == whole
    assert not found.lossy


def test_a_last_event_without_items_has_those_that_came() -> None:
    """Some servers send an empty output at the end, and some fail in the middle of it."""
    found = folded(
        event("output_text.delta", content_index=0, delta="Hello"),
        event("failed", None, response={"id": "r", "status": "failed", "output": []}),
    )

    assert found.finish() == {"id": "r", "status": "failed", "output": [{"content": [TEXT]}]}


LOSSY: dict[str, tuple[list[Event], bool]] = {
    "a partial image": (
        [
            event("output_item.added", item={"type": "image_generation_call"}),
            event("image_generation_call.partial_image", partial_image_b64="AA"),
        ],
        True,
    ),
    "a sound of no item": ([event("audio.delta", None, delta="AA")], True),
    "fewer items at the end than before": (
        [
            event("output_item.done", 0, item=MESSAGE),
            event("output_item.done", 1, item={**MESSAGE, "id": "n"}),
            event("completed", None, response={"output": [MESSAGE]}),
        ],
        True,
    ),
    "a partial image of an image that came": (
        [
            event("output_item.added", item={"type": "image_generation_call"}),
            event("image_generation_call.partial_image", partial_image_b64="AA"),
            event("completed", None, response={"output": [{"type": "image_generation_call", "result": "A"}]}),
        ],
        False,
    ),
    "events that say how far it is": (
        [
            event("output_item.added", item={"type": "web_search_call"}),
            event("web_search_call.searching"),
            event("web_search_call.completed"),
            {"type": "keepalive"},
        ],
        False,
    ),
}


@pytest.mark.parametrize(("events", "lossy"), LOSSY.values(), ids=LOSSY)
def test_a_fold_says_whether_it_left_something_out(events: list[Event], lossy: bool) -> None:
    """Only where an event held what no item has."""
    assert folded(*events).lossy is lossy
