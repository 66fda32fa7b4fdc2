"""The Responses API seen as chat: whoever knows chat only can read it, and nothing said is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from log10_trace.domain import chat_view
from log10_trace.record.sse import is_stream, parse_events
from tests.recorded import exchanges, needed

RECORDED = [one for one in exchanges() if one["kind"] == "response" and one["status"] == 200]


def response_of(exchange: dict[str, Any]) -> Any:
    """The response of a recorded exchange; of a stream the one its last event carries."""
    body = exchange["body"].encode()
    if not is_stream(body):
        return json.loads(body)
    return [event.data["response"] for event in parse_events(body).events if "response" in event.data][-1]


@pytest.mark.parametrize("exchange", RECORDED or [None], ids=lambda one: one["id"] if one else "none")
def test_recorded_responses_read_as_chat(exchange: dict[str, Any] | None) -> None:
    """Text, tool calls, usage and model of every recorded response stand where chat has them."""
    exchange = exchange or needed()[0]
    native = response_of(exchange)

    view = chat_view.response(native)
    asked = chat_view.request(exchange["request"])

    texts = [
        part["text"]
        for item in native["output"]
        if item.get("type") == "message"
        for part in item["content"]
        if part["type"] == "output_text"
    ]
    calls = [item["name"] for item in native["output"] if item.get("type") == "function_call"]
    assert view["object"] == "chat.completion"
    assert (view["id"], view["model"]) == (native["id"], native["model"])
    for choice in view["choices"]:
        message = choice["message"]
        assert (message["content"] or "") == "".join(texts)
        made = [call["function"]["name"] for call in message.get("tool_calls", []) if "function" in call]
        assert made == calls
    if native.get("usage"):
        assert view["usage"]["total_tokens"] == native["usage"]["total_tokens"]
        assert view["usage"]["prompt_tokens"] == native["usage"]["input_tokens"]
    assert asked["messages"] or not exchange["request"].get("input")
    assert asked.get("model") == exchange["request"].get("model")


def test_a_conversation_with_tools_reads_as_one() -> None:
    """Instructions, questions, calls and their results become the messages that chat has for them."""
    view = chat_view.request(
        {
            "model": "m",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Look"}]},
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
                {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
                {"type": "function_call", "call_id": "b", "name": "g", "arguments": "[]"},
                {"type": "function_call_output", "call_id": "a", "output": "1"},
            ],
            "max_output_tokens": 5,
            "reasoning": {"effort": "low"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
            "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}],
        }
    )

    assert [message["role"] for message in view["messages"]] == ["system", "user", "assistant", "tool"]
    assert view["messages"][1]["content"] == [{"type": "text", "text": "Look"}]
    assert view["messages"][2]["reasoning"] == "Hm."
    assert [call["id"] for call in view["messages"][2]["tool_calls"]] == ["a", "b"]
    assert view["messages"][3] == {"role": "tool", "tool_call_id": "a", "content": "1"}
    assert (view["max_completion_tokens"], view["reasoning_effort"]) == (5, "low")
    assert view["response_format"] == {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
    assert view["tools"] == [
        {"type": "function", "function": {"name": "f", "parameters": {}}},
        {"type": "web_search"},
    ]


ENDS = {
    "completed": ({"status": "completed"}, "stop"),
    "cut off": ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
    "filtered": (
        {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
        "content_filter",
    ),
    "for another reason": ({"status": "incomplete", "incomplete_details": None}, None),
    "going on": ({"status": "in_progress"}, None),
}


@pytest.mark.parametrize(("fields", "reason"), ENDS.values(), ids=ENDS)
def test_why_it_ended(fields: dict[str, Any], reason: str | None) -> None:
    """The status of a response is the finish reason of its one choice."""
    native = {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}], **fields}

    choice = chat_view.response(native)["choices"][0]

    assert choice["finish_reason"] == reason
    assert (choice["message"]["content"], choice["message"]["refusal"]) == (None, "No.")


@pytest.mark.parametrize("other", [None, "text", [1], {"error": {"message": "no"}}])
def test_what_is_no_response_stays_as_it_is(other: Any) -> None:
    """An error's body, a page or nothing is shown as it came."""
    assert chat_view.response(other) == other


@pytest.mark.parametrize(
    ("odd", "view"),
    [
        (None, None),
        ("text", "text"),
        ({}, {"messages": []}),
        ({"input": 5}, {"messages": [{"role": "user", "content": 5}]}),
        (
            {"input": ["x", None]},
            {"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": None}]},
        ),
        ({"tools": [1], "text": {}}, {"messages": [], "tools": [1]}),
    ],
)
def test_odd_requests_do_no_harm(odd: Any, view: Any) -> None:
    """Whatever was sent has a view, with all of it that can be shown."""
    assert chat_view.request(odd) == view


@pytest.mark.parametrize("odd", [[], {}, 1, None, ["input_text"]], ids=repr)
def test_a_part_of_an_odd_type_stays_as_it_is(odd: Any) -> None:
    """A type that is no text names no part."""
    part = {"type": odd, "text": "why?"}

    assert chat_view.request({"input": [{"role": "user", "content": [part]}]})["messages"][0]["content"] == [
        part
    ]
