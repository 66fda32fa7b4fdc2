"""The reader of chat and text bodies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.cli.conversation import first_answer_text
from log10_trace.domain import chat_view
from log10_trace.domain.conversation import (
    ChatChoice,
    ChatMessage,
    ToolCall,
    list_choices,
    read_choice,
    read_message,
    read_prompts,
    read_tool_call,
)

_NAMES = (
    "role", "content", "text", "tool_calls", "function_call", "function", "custom", "name", "arguments",
    "input",
    "choices",
    "message", "prompt", "messages", "finish_reason", "audio", "reasoning", "refusal", "id", "type",
    "output", "summary", "annotations", "logprobs", "incomplete_details", "status", "error",
)  # fmt: skip
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["message", "incomplete", "function_call", "reasoning", "call_id"])
)
_json: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6),
    max_leaves=25,
)


@given(_json)
def test_no_json_raises(body: Any) -> None:
    """Whatever a provider sends in the place of a message, a choice, a call or a body is read."""
    assert isinstance(read_message(body), ChatMessage)
    assert isinstance(read_choice(body), ChatChoice)
    assert isinstance(read_tool_call(body), ToolCall)
    assert isinstance(read_prompts(body), list)
    assert all(isinstance(choice, dict) for choice in list_choices(body))


@given(st.dictionaries(st.sampled_from(_NAMES), _json, max_size=8))
def test_a_response_of_any_form_has_a_text(response: dict[str, Any]) -> None:
    """Items of the Responses API with values of the wrong type are passed over."""
    chat_view.response(response)
    assert isinstance(first_answer_text(response), str)


def test_a_message_is_read_with_all_its_parts() -> None:
    """Role, name, content, reasoning, refusal, sound, calls and the call that it answers."""
    message = read_message(
        {
            "role": "assistant",
            "name": "n",
            "content": [{"type": "text", "text": "a"}],
            "reasoning": "because",
            "refusal": "no",
            "audio": {"transcript": "t"},
            "tool_calls": [{"id": "1"}, "nonsense"],
            "function_call": {"name": "f", "arguments": "{}"},
            "tool_call_id": "0",
        }
    )  # fmt: skip

    assert (message.role, message.name, message.reasoning) == ("assistant", "n", "because")
    assert (message.refusal, message.answered_call, message.audio) == ("no", "0", {"transcript": "t"})
    assert message.content == [{"type": "text", "text": "a"}]
    assert message.tool_calls == [{"id": "1"}, "nonsense"]
    assert message.function_call == ToolCall("f", "{}", "")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"id": "1", "function": {"name": "f", "arguments": "{}"}}, ToolCall("f", "{}", "1")),
        ({"id": "1", "type": "custom", "custom": {"name": "c", "input": "x"}}, ToolCall("c", "x", "1")),
        ({"type": "web_search"}, ToolCall("web_search", None, "")),
        ("nonsense", ToolCall("", None, "")),
    ],
)
def test_a_tool_call_names_its_tool(call: Any, expected: ToolCall) -> None:
    """Of a function, a custom tool, a built-in one, and of none."""
    assert read_tool_call(call) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), (None, []), ([[1], [2]], [[[1], [2]]])],
)
def test_prompts_are_texts_or_one_list_of_tokens(prompt: Any, expected: list[Any]) -> None:
    """Each text is a prompt; tokens stay together."""
    assert read_prompts({"prompt": prompt}) == expected


def test_a_choice_holds_a_message_or_a_text() -> None:
    """Of a chat and of a text completion; a message that is null is none."""
    chat = read_choice({"message": {"role": "assistant"}, "finish_reason": "stop"})
    text = read_choice({"message": None, "text": "a", "finish_reason": None})

    assert chat.message is not None
    assert (chat.message.role, chat.finish_reason) == ("assistant", "stop")
    assert (text.message, text.text, text.finish_reason) == (None, "a", "")
