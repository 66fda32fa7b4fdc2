"""``capture_content=False`` and a call of Anthropic's Messages API."""

from __future__ import annotations

import json

from log10_trace.domain.call_labels import MESSAGES
from log10_trace.record.call import Call
from log10_trace.record.completion_model import to_model
from log10_trace.redact.content_mask import mask_contents
from tests.model_answers import message, message_events
from tests.model_endpoint import sse

REQUEST = {
    "model": "claude-test",
    "max_tokens": 10,
    "system": [{"type": "text", "text": "SECRET1", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "SECRET2"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "SECRET3"}},
                {"type": "document", "title": "SECRET4", "source": {"type": "text", "data": "SECRET5"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "SECRET6", "signature": "SECRET7"},
                {"type": "tool_use", "id": "t1", "name": "look", "input": {"secret8": "SECRET9", "n": 4711}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "SECRET10"}]},
    ],
    "stop_sequences": ["SECRET11"],
    "metadata": {"user_id": "SECRET12"},
    "tools": [{"name": "look", "description": "SECRET13", "input_schema": {"properties": {"secret8": {}}}}],
}
CITATION = {"type": "char_location", "cited_text": "SECRET15"}
CITED = {"type": "text", "text": "SECRET14", "citations": [CITATION]}
TOOL = {"type": "tool_use", "id": "t2", "name": "look", "input": {"secret16": "SECRET17"}}


def test_no_word_and_no_name_of_the_users_is_left() -> None:
    """Neither in the native bodies nor in their views; models, roles, tools, sizes and usage stay."""
    call = Call(MESSAGES, created_ns=0, started_ns=0)
    call.status, call.streamed = "finished", True
    call.request = json.dumps(REQUEST).encode()
    call.chunks = sse(*message_events(message("SECRET18", CITED, TOOL)), done=False)

    kept = mask_contents(to_model(call))

    written = kept.to_json()
    assert "SECRET" not in written
    assert "secret" not in written
    assert "4711" not in written
    assert kept.native_request["model"] == "claude-test"
    assert [each["role"] for each in kept.native_request["messages"]] == ["user", "assistant", "user"]
    assert kept.native_request["messages"][1]["content"][1]["name"] == "look"
    assert kept.native_response["usage"] == message()["usage"]
    assert kept.native_response["stop_reason"] == "end_turn"
