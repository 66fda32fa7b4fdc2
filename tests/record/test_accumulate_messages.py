"""The events of a message become the message that the same call unstreamed gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain.call_labels import MESSAGES
from log10_trace.record.accumulate_messages import MessageAccumulator, accumulate
from log10_trace.record.call import Call
from log10_trace.record.completion import to_json
from tests.model_answers import message, message_events
from tests.model_endpoint import sse

TEXT = st.text(max_size=12)
WORD = st.text(min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
CITATION = st.fixed_dictionaries({"type": st.just("char_location"), "cited_text": TEXT})
BLOCKS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": TEXT},
        optional={"citations": st.lists(CITATION, min_size=1, max_size=3)},
    ),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": TEXT, "signature": WORD}),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": WORD}),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["tool_use", "server_tool_use"]),
            "id": WORD,
            "name": WORD,
            "input": st.dictionaries(WORD, JSON, max_size=3),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("web_search_tool_result"),
            "tool_use_id": WORD,
            "content": st.lists(JSON, max_size=2),
        }
    ),
)


@given(
    st.lists(BLOCKS, max_size=4),
    st.sampled_from(["end_turn", "max_tokens", "tool_use", "stop_sequence"]),
    st.integers(1, 5),
)
def test_the_events_of_a_message_make_the_message(
    blocks: list[dict[str, Any]], reason: str, pieces: int
) -> None:
    """Whatever blocks it has, and in however many pieces they come; nothing is lost."""
    whole = {**message("", *blocks), "stop_reason": reason}
    whole["content"] = whole["content"][1:]
    fold = MessageAccumulator()
    for event in json.loads(json.dumps(message_events(whole, pieces=pieces))):
        fold.add(event)

    assert (fold.finish(), fold.lossy) == (whole, False)


def record_of(*pieces: bytes) -> dict[str, Any]:
    """The record of a call whose answer came in these pieces."""
    call = Call(MESSAGES, created_ns=0, started_ns=0)
    call.status, call.streamed, call.chunks = "finished", True, list(pieces)
    call.content_type = "text/event-stream"
    read: dict[str, Any] = json.loads(to_json(call))
    return read


def test_a_record_has_the_message_and_its_view_as_chat() -> None:
    """The message stands whole in ``native_response``, and as chat for every reader of the API."""
    tool = {"type": "tool_use", "id": "t1", "name": "look", "input": {"where": "here"}}
    whole = {**message("Hi", tool), "stop_reason": "tool_use"}

    record = record_of(*sse(*message_events(whole), done=False))

    assert record["native_response"] == whole
    choice = record["response"]["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hi", "tool_calls")
    assert choice["message"]["tool_calls"][0]["function"] == {
        "name": "look",
        "arguments": '{"where": "here"}',
    }
    assert (record["status"], "interrupted" in record, "raw_events" in record) == ("finished", False, False)


def test_a_stream_that_is_left_early_keeps_what_came() -> None:
    """Its tool's input, of which no JSON can be made, stays as it was written."""
    tool = {"type": "tool_use", "id": "t1", "name": "look", "input": {"where": "here"}}
    events = message_events({**message("Hi", tool), "stop_reason": "tool_use"})
    until = next(i for i, event in enumerate(events) if event.get("delta", {}).get("partial_json"))

    record = record_of(*sse(*events[: until + 1], done=False))

    assert record["interrupted"] is True
    block = record["native_response"]["content"][1]
    assert (block["input"], block["partial_json"]) == ({}, '{"where":')
    assert record["response"]["choices"][0]["finish_reason"] is None
    call = record["response"]["choices"][0]["message"]["tool_calls"][0]
    assert call["function"]["arguments"] == '{"where":'


@pytest.mark.parametrize("came", [0, 1, 4])
def test_an_error_in_a_stream_is_a_failure(came: int) -> None:
    """With what came before it; before all else it is the body that the unstreamed call gives."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    record = record_of(*sse(*message_events(message())[:came], error, done=False))

    assert (record["status"], record["failure_kind"]) == ("failed", "overloaded_error")
    assert record["failure_reason"] == "Overloaded"
    assert record["native_response"]["error"] == error["error"]
    assert record["native_response"]["type"] == ("message" if came else "error")


def test_later_counts_replace_earlier_ones_and_null_none() -> None:
    """The counts of ``message_delta`` are sums of the whole message; what it does not state stays."""
    events = message_events(message())
    events[-2]["usage"] = {"input_tokens": 40, "output_tokens": 7, "cache_read_input_tokens": None}
    events[-2]["delta"]["container"] = {"id": "c"}
    events[-2]["context_management"] = {"applied_edits": []}

    whole = accumulate(events)

    assert whole["usage"]["input_tokens"] == 40
    assert whole["usage"]["output_tokens"] == 7
    assert whole["usage"]["cache_read_input_tokens"] == 0
    assert (whole["container"], whole["context_management"]) == ({"id": "c"}, {"applied_edits": []})


def test_deltas_without_a_beginning_make_their_block() -> None:
    """Some compatible servers leave out ``content_block_start``, ``index`` and ``message_start``."""
    whole = accumulate(
        [
            {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm"}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        ]
    )

    assert [block["type"] for block in whole["content"]] == ["thinking", "text"]
    assert (whole["stop_reason"], whole["usage"]) == ("end_turn", {"output_tokens": 1})


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "vendor_event", "x": 1},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "again"}},
        {"type": "message_start", "message": {"type": "message", "content": []}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "x_delta", "text": "instead"}},
    ],
)
def test_what_the_message_cannot_hold_is_kept_as_events(odd: dict[str, Any]) -> None:
    """Events of no known type, a block or a message that begins twice, a value that replaces another."""
    events = message_events(message())

    record = record_of(*sse(*events[:4], odd, *events[4:], done=False))

    assert odd in record["raw_events"]


KINDS = ("message_start", "content_block_start", "content_block_delta", "message_delta", "error", "ping", "")
ANY = dict.fromkeys(("message", "content_block", "delta", "usage", "index", "error"), JSON)


@given(st.lists(st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional=ANY), max_size=6))
def test_events_of_any_form_make_some_message(events: list[dict[str, Any]]) -> None:
    """No event of a server raises in the accumulator."""
    assert isinstance(accumulate(events), dict)
