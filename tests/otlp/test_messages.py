"""Contents in the forms of the conventions."""

from __future__ import annotations

import json
from typing import Any

from log10_trace.domain import chat_view, messages_view
from tests.otlp.conftest import record, span_of
from tests.otlp_receiver import attributes


def contents(**fields: Any) -> dict[str, Any]:
    """The contents that the span of a record has, by the last words of their names."""
    span = span_of(record(**fields), with_content=True)
    assert span is not None
    found = attributes(span)
    names = (
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
    )
    return {name.removeprefix("gen_ai."): json.loads(found[name]) for name in names if name in found}


def text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def test_contents_are_sent_on_request_only() -> None:
    """Without it no attribute holds what was asked or answered."""
    span = span_of(record())

    assert span is not None
    assert "question" not in str(span)
    assert not [name for name in attributes(span) if "messages" in name or "tool" in name]


def test_a_chat_with_tools() -> None:
    """Messages of every role; arguments that are JSON are an object."""
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "find", "arguments": '{"city": "Paris"}'},
    }
    odd = {"id": "call_2", "type": "function", "function": {"name": "find", "arguments": '{"city": "Par'}}
    custom = {"id": "call_3", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}
    found = contents(
        request={
            "model": "m",
            "messages": [
                {"role": "system", "content": "be short"},
                {"role": "user", "name": "ada", "content": "where?"},
                {"role": "assistant", "content": None, "tool_calls": [call, odd, custom]},
                {"role": "tool", "tool_call_id": "call_1", "content": "rainy"},
                {"role": "assistant", "content": "", "refusal": "no"},
                {"role": "assistant", "function_call": {"name": "old", "arguments": "{}"}},
            ],
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "find", "description": "d", "parameters": {"type": "object"}},
                },
                {"type": "custom", "custom": {"name": "run"}},
                {"type": "web_search"},
            ],
            "functions": [{"name": "old"}],
        },
        response={
            "choices": [
                {"finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [call]}}
            ]
        },
    )

    asked = {"type": "tool_call", "id": "call_1", "name": "find", "arguments": {"city": "Paris"}}
    assert found["input.messages"] == [
        {"role": "system", "parts": [text("be short")]},
        {"role": "user", "name": "ada", "parts": [text("where?")]},
        {
            "role": "assistant",
            "parts": [
                asked,
                {"type": "tool_call", "id": "call_2", "name": "find", "arguments": '{"city": "Par'},
                {"type": "tool_call", "id": "call_3", "name": "run", "arguments": "print(1)"},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "rainy"}]},
        {"role": "assistant", "parts": [text("no")]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": None, "name": "old", "arguments": {}}]},
    ]
    assert found["output.messages"] == [{"role": "assistant", "parts": [asked], "finish_reason": "tool_call"}]
    assert found["tool.definitions"] == [
        {"type": "function", "name": "find", "description": "d", "parameters": {"type": "object"}},
        {"type": "custom", "name": "run"},
        {"type": "web_search", "name": "web_search"},
        {"type": "function", "name": "old"},
    ]
    assert "system_instructions" not in found


def test_pictures_sound_and_files() -> None:
    """What a data URL holds is a blob, what a URL leads to stays a reference."""
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
        {"type": "thing", "value": 1},
        "bare",
    ]
    found = contents(request={"messages": [{"role": "user", "content": parts}]})

    assert found["input.messages"][0]["parts"] == [
        text("look"),
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        {"type": "uri", "modality": "image", "mime_type": "image/jpeg", "uri": "https://example.com/a.jpg"},
        {"type": "blob", "modality": "audio", "mime_type": "audio/mpeg", "content": "BBBB"},
        {"type": "file", "modality": "document", "mime_type": None, "file_id": "file-1"},
        {"type": "blob", "modality": "document", "mime_type": "application/pdf", "content": "CCCC"},
        {"type": "thing", "value": 1},
        text("bare"),
    ]


def test_instructions_of_the_responses_api_stand_apart() -> None:
    """They are sent apart from the messages; in chat the system's message is one of them."""
    native = {"model": "m", "instructions": "be short", "input": "hello", "previous_response_id": "resp_0"}
    answer = {
        "id": "resp_1",
        "model": "m",
        "status": "completed",
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thinking"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
        ],
    }
    fields = {
        "endpoint": "/responses",
        "request": chat_view.request(native),
        "response": chat_view.response(answer),
        "native_request": native,
        "native_response": answer,
    }
    found = contents(**fields)
    span = span_of(record(**fields))

    assert found["system_instructions"] == [text("be short")]
    assert found["input.messages"] == [{"role": "user", "parts": [text("hello")]}]
    reasoning = {"type": "reasoning", "content": "thinking"}
    assert found["output.messages"] == [
        {"role": "assistant", "parts": [reasoning, text("hi")], "finish_reason": "stop"}
    ]
    assert span is not None
    assert attributes(span)["openai.api.type"] == "responses"
    assert attributes(span)["gen_ai.request.previous_response.id"] == "resp_0"


def test_the_system_prompt_of_the_messages_api_stands_apart() -> None:
    """It is sent apart from the messages, as text or in parts."""
    system = [{"type": "text", "text": "be short"}, {"type": "text", "text": "be kind"}]
    native = {
        "model": "m",
        "max_tokens": 9,
        "system": system,
        "messages": [{"role": "user", "content": "hello"}],
    }
    found = contents(endpoint="/messages", request=messages_view.request(native), native_request=native)

    assert found["system_instructions"] == [text("be short"), text("be kind")]
    assert found["input.messages"] == [{"role": "user", "parts": [text("hello")]}]


def test_a_text_completion_is_a_message_of_the_user() -> None:
    """Each prompt is one; a choice without a reason has not ended well."""
    found = contents(
        kind="prompt",
        request={"model": "m", "prompt": ["one", "two"]},
        response={"choices": [{"text": "three"}]},
    )

    assert found["input.messages"] == [{"role": "user", "parts": [text(each)]} for each in ("one", "two")]
    assert found["output.messages"] == [
        {"role": "assistant", "parts": [text("three")], "finish_reason": "error"}
    ]


def test_an_answer_in_sound() -> None:
    """Its transcript goes along."""
    audio = {"id": "a", "data": "DDDD", "transcript": "hello"}
    found = contents(response={"choices": [{"finish_reason": "stop", "message": {"audio": audio}}]})

    blob = {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "DDDD"}
    assert found["output.messages"][0]["parts"] == [{**blob, "transcript": "hello"}]
