"""Where providers state the tokens of a call."""

from __future__ import annotations

from typing import Any

import pytest

from log10_trace.domain.usage import find_usage

USAGE = {"prompt_tokens": 7, "completion_tokens": 3}
OTHER = {"prompt_tokens": 9, "completion_tokens": 9}

PLACES: dict[str, Any] = {
    "top level": {"usage": USAGE},
    "Responses": {"usage": {"input_tokens": 7, "output_tokens": 3}},
    "Groq": {"usage": None, "x_groq": {"id": "req_1", "usage": USAGE}},
    "another provider's own object": {"x_other": {"usage": USAGE}},
    "a choice": {"choices": [{"index": 0, "usage": USAGE}]},
    "a message": {"choices": [{"index": 0, "message": {"content": "a", "usage": USAGE}}]},
    "one choice of two": {"choices": [{"usage": None}, {"usage": USAGE}]},
    "a gap of an abridged array": {"choices": [..., {"usage": USAGE}]},
    "llama.cpp": {"timings": {"prompt_n": 2, "cache_n": 5, "predicted_n": 3}},
    "an empty one at the top": {"usage": {}, "choices": [{"usage": USAGE}]},
    "zeros at the top": {
        "usage": {"prompt_tokens": 0, "completion_tokens": 0},
        "x_groq": {"usage": USAGE},
    },
    "two places": {"usage": USAGE, "x_groq": {"usage": OTHER}, "choices": [{"usage": OTHER}]},
}


def counts(usage: Any) -> tuple[Any, Any]:
    return (
        usage.get("prompt_tokens", usage.get("input_tokens")),
        usage.get("completion_tokens", usage.get("output_tokens")),
    )


@pytest.mark.parametrize("response", PLACES.values(), ids=PLACES)
def test_usage_is_found_where_providers_state_it(response: Any) -> None:
    """The place is the provider's choice, and the counts are the same."""
    assert counts(find_usage(response)) == (7, 3)


def test_choices_share_the_prompt_and_add_up_their_answers() -> None:
    """Two choices that state their own usage have one prompt and two answers."""
    choices = [{"usage": USAGE}, {"usage": {"prompt_tokens": 7, "completion_tokens": 4}}]

    assert counts(find_usage({"choices": choices})) == (7, 7)


def test_the_second_response_counts_when_the_first_states_none() -> None:
    """A response of the Responses API is looked at when its view as chat has no usage."""
    assert counts(find_usage({"choices": []}, {"usage": USAGE})) == (7, 3)
    assert counts(find_usage({"usage": USAGE}, {"usage": OTHER})) == (7, 3)


@pytest.mark.parametrize(
    "response",
    [
        None, "text", [], {}, {"usage": None}, {"usage": 7}, {"x_groq": None}, {"x_groq": {"usage": 7}},
        {"choices": None}, {"choices": {"usage": USAGE}}, {"choices": ["a", None, {"usage": "many"}]},
        {"timings": {"prompt_n": 2, "predicted_n": 3}}, {"timings": 1}, {"usages": USAGE},
    ],
)  # fmt: skip
def test_a_response_without_usage_states_none(response: Any) -> None:
    """Nothing is guessed."""
    assert find_usage(response) == {}


def test_zeros_count_when_there_is_no_other_usage() -> None:
    """A call that used nothing has a usage all the same."""
    zeros = {"prompt_tokens": 0, "completion_tokens": 0}

    assert find_usage({"usage": zeros}) == zeros
