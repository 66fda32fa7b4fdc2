"""A call of Anthropic's Messages API, seen as chat."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain import messages_view
from log10_trace.domain.charges import Rate, charges, read_usage
from log10_trace.domain.prices import Prices
from tests.model_answers import message

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}


def ask(*messages: Any, **more: Any) -> dict[str, Any]:
    """The view of a request."""
    view: dict[str, Any] = messages_view.request({"model": "m", "messages": list(messages), **more})
    return view


def test_messages_keep_their_texts_and_images() -> None:
    """The system's text is the first message; an image that was sent is a data URL."""
    text = {"type": "text", "text": "What is it?", "cache_control": {"type": "ephemeral"}}
    view = ask({"role": "user", "content": [text, IMAGE]}, system=[{"type": "text", "text": "Be brief."}])

    assert view["messages"] == [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ],
        },
    ]


def test_calls_of_tools_and_their_results_are_those_of_chat() -> None:
    """Thinking is reasoning; a result is a message of its own, before what the user says."""
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {"where": "hier"}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "a cat"}
    view = ask(
        {"role": "assistant", "content": [thought, {"type": "text", "text": "I look."}, call]},
        {"role": "user", "content": [result, {"type": "text", "text": "And now?"}]},
        tools=[TOOL, {"type": "web_search_20250305", "name": "web_search"}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
    )

    assistant, tool, user = view["messages"]
    assert (assistant["content"], assistant["reasoning"]) == ("I look.", "Hm.")
    assert assistant["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"where": "hier"}'}
    assert tool == {"role": "tool", "tool_call_id": "t1", "content": "a cat"}
    assert user["content"] == [{"type": "text", "text": "And now?"}]
    assert view["tools"][0]["function"]["parameters"] == {"type": "object"}
    assert view["tools"][1]["type"] == "web_search_20250305"
    assert (view["tool_choice"], view["parallel_tool_calls"]) == ("required", False)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn",) * 2,
    ],
)
def test_the_reason_of_the_end_is_a_finish_reason(reason: str, finish: str) -> None:
    """One without a counterpart stays as it is."""
    view = messages_view.response({**message("Hi"), "stop_reason": reason})

    assert view["choices"][0]["finish_reason"] == finish
    assert view["choices"][0]["message"]["content"] == "Hi"


def test_tokens_of_the_cache_are_tokens_of_the_input() -> None:
    """Read or written, also for an hour; and they are charged as such."""
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600},
        "output_tokens": 7,
    }
    view = messages_view.response({**message(), "usage": usage})
    found = read_usage(view)
    by_kind = {Rate.from_key(charge.rate).kind: charge for charge in charges({}, view)}

    assert (found.input, found.output, found.cached) == (1110, 7, 100)
    assert (found.cache_write, found.cache_write_1h) == (1000, 600)
    assert {kind: charge.input for kind, charge in by_kind.items()} == {
        "": 110,
        "cache_write": 400,
        "cache_write_1h": 600,
    }


def test_an_hour_in_the_cache_costs_what_the_table_says_or_is_not_known() -> None:
    """Its price is not that of five minutes, so a table without it has none."""
    entry = {"input": 3, "output": 15, "cache_write": 3.75}
    without = Prices({"models": {"m": entry}})
    known = Prices({"models": {"m": {**entry, "cache_write_1h": 6}}})

    assert without.cost("m\t\tcache_write_1h", 1_000_000, 0) is None
    assert known.cost("m\t\tcache_write_1h", 1_000_000, 0) == 6
    assert known.cost("m\t\tcache_write", 1_000_000, 0) == 3.75


def test_the_usual_models_have_a_price() -> None:
    """The package's table knows a call of Anthropic's, by the host and by the model's name."""
    prices = Prices.load()
    view = messages_view.response(message())
    for base_url in ("https://api.anthropic.com/v1/", "http://127.0.0.1:4000/v1/"):
        assert prices.cost_of(charges({}, view, base_url=base_url)) == pytest.approx(3 * 3e-6 + 2 * 15e-6)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "content", "source", "text", "role", "usage"]), inner)
    ),
    max_leaves=8,
)
FIELDS = dict.fromkeys(
    ("messages", "system", "tools", "tool_choice", "content", "usage", "output_config", "stop_reason"), JSON
)


@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_bodies_of_any_form_have_some_view(body: dict[str, Any]) -> None:
    """What a server or a program sends never raises here."""
    messages_view.request(body)
    messages_view.response(body)
