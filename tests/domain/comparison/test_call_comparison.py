"""Two calls compared: what is aligned with what, and what is said of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from log10_trace.domain import formatting
from log10_trace.domain.comparison.call_comparison import CallComparison, compare_calls
from log10_trace.domain.comparison.comparison_json import comparison_to_dict
from log10_trace.domain.prices import Prices

PRICES = Prices({"models": {"gpt-4o": {"input": 2.0, "output": 8.0}}})


def message(role: str, content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **fields}


def call(messages: Any, answer: Any = "Hi.", **fields: Any) -> dict[str, Any]:
    request = {"model": "gpt-4o", "messages": messages, **fields.pop("parameters", {})}
    choices = [{"message": message("assistant", answer), "finish_reason": "stop"}]
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    response = {"model": "gpt-4o", "choices": choices, "usage": usage}
    return {
        "id": "c",
        "status": "finished",
        "request": request,
        "response": response,
        "duration": 1.0,
        **fields,
    }


def compare(a: dict[str, Any], b: dict[str, Any]) -> CallComparison:
    return compare_calls(a, b, PRICES)


def rows(comparison: CallComparison, title: str) -> list[tuple[Any, Any, bool]]:
    """The rows of a section: the number of the part in each call, and whether they are equal."""
    return [
        (row.a and row.a.number, row.b and row.b.number, row.is_equal)
        for section in comparison.sections
        if section.title == title
        for row in section.rows
    ]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
MESSAGES = st.lists(
    st.one_of(
        JSON,
        st.builds(
            message, st.sampled_from(["user", "assistant", "tool"]), st.sampled_from(["a b", "a c", "d", ""])
        ),
        st.builds(message, JSON, JSON, tool_calls=JSON, audio=JSON),
    ),
    max_size=5,
)
CALLS = st.builds(
    call, st.one_of(MESSAGES, JSON), JSON, parameters=st.fixed_dictionaries({"tools": JSON, "n": JSON})
)


@settings(max_examples=30)
@given(a=CALLS, b=CALLS)
def test_any_two_calls_compare_and_swap(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Whatever the records hold, equal ones have no difference, and swapped ones give swapped rows."""
    there, back = compare(a, b), compare(b, a)

    assert compare(a, a).changed == 0
    assert [section.rows for section in back.sections] == [
        tuple(row.swap() for row in section.rows) for section in there.sections
    ]
    assert json.loads(json.dumps(comparison_to_dict(there)))["changed"] == there.changed


def test_messages_are_aligned_by_what_they_say() -> None:
    """An inserted message stands alone; a reworded one stands beside what it was."""
    a = [
        message("system", "Be brief."),
        message("user", "Where is my order 17?"),
        message("assistant", "Sent."),
    ]
    b = [
        message("system", "Be brief."),
        message("user", "Hello there, friend."),
        message("user", "Where is my order 18?"),
        message("assistant", "Sent."),
    ]

    comparison = compare(call(a), call(b))

    assert rows(comparison, "Messages") == [(1, 1, True), (None, 2, False), (2, 3, False), (3, 4, True)]
    assert rows(comparison, "Answers") == [(1, 1, True)]


def test_pictures_tool_calls_parameters_tools_and_failures_differ() -> None:
    """Pictures differ by their bytes, tool calls by their arguments, failures by their reason."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    other = {"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}}
    tool = {"type": "function", "function": {"name": "find", "parameters": {}}}
    asked = {"id": "1", "function": {"name": "find", "arguments": '{"n": 1}'}}
    changed = {"id": "1", "function": {"name": "find", "arguments": '{"n": 2}'}}
    a = call(
        [message("user", [picture]), message("assistant", None, tool_calls=[asked])],
        parameters={"temperature": 0, "tools": [tool]},
    )
    b = call(
        [message("user", [other]), message("assistant", None, tool_calls=[changed])],
        parameters={"temperature": 1, "tools": [tool, tool]},
        response=None,
        status="failed",
        failure_kind="RateLimitError",
        failure_reason="slow down",
    )

    comparison = compare(a, b)

    assert {section.title: section.changed for section in comparison.sections} == {
        "Parameters": 1, "Answers": 2, "Messages": 2, "Tools offered": 1,
    }  # fmt: skip
    facts = {fact.name: (fact.text_a, fact.text_b, fact.change) for fact in comparison.facts}
    assert facts["status"] == ("finished", "failed", "")
    assert facts["cost"] == ("$0.00028", formatting.UNKNOWN, "")


def test_amounts_say_how_much_more() -> None:
    """Seconds, tokens and dollars have their change, as an amount and as a share."""
    facts = {fact.name: fact.change for fact in compare(call([]), call([], duration=2.5)).facts}
    many = {fact.name: fact.change for fact in compare(call([]), call([], duration=40.0)).facts}

    assert (facts["duration"], many["duration"], facts["input tokens"]) == (
        "+1.5 s (+150 %)",
        "+39 s (x40)",
        "",
    )


def test_very_long_conversations_are_compared_at_their_ends() -> None:
    """Of 3,000 messages the first and last 500 are compared, and the comparison says so."""
    a = [message("user", f"question {number}") for number in range(3_000)]
    b = [*a[:-1], message("user", "another question")]

    comparison = compare(call(a), call(b))

    assert rows(comparison, "Messages")[-1] == (1_001, 1_001, False)
    assert comparison.changed == 1
    assert "500" in comparison.notes[0]
