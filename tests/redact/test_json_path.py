"""JSON paths: which values they lead to, and which paths are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from log10_trace import redact
from log10_trace.domain import chat_view
from log10_trace.models.components import Completion

RECORD: dict[str, Any] = {
    "request": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "one"}, {"role": "user", "content": ["two", {"x": "three"}]},
        ],
        "metadata": {"user": "ada"},
        "odd name": "four",
    },
    "response": {"choices": [
        {"message": {"tool_calls": [{"function": {"arguments": '{"to": {"mail": "five"}, "n": 1}'}}]}}
    ]},
    "failure_reason": "six",
    "metadata": {"user": "bob", "team": "x"},
    "tags": ["t"],
}  # fmt: skip


def apply(*paths: str) -> dict[str, Any]:
    """The record as the paths leave it."""
    record = Completion.model_validate(RECORD)
    for each in paths:
        record = redact.path(each, "*")(record)
    return json.loads(record.to_json())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("$.messages[*].content", {"one", "two", "three"}),
        ("$.request.messages[*].content", {"one", "two", "three"}),
        ("$.messages[0].content", {"one"}),
        ("$.messages[-1].content", {"two", "three"}),
        ("$.messages[5].content", set()),
        ("$['odd name']", {"four"}),
        ('$["odd name"]', {"four"}),
        ("$..content", {"one", "two", "three"}),
        ("$..x", {"three"}),
        ("$..user", {"ada", "bob"}),
        ("$.metadata.user", {"ada", "bob"}),
        ("$.request.metadata.user", {"ada"}),
        ("$..arguments.to.mail", {"five"}),
        ("$..mail", {"five"}),
        ("$.failure_reason", {"six"}),
        ("$.request", {"one", "two", "three", "ada", "four"}),
        ("$.messages[*].*", {"one", "two", "three"}),
        ("$.tags", set()),
        ("$.nothing.here", set()),
    ],
)
def test_a_path_leads_to_these_values(path: str, gone: set[str]) -> None:
    """Exactly the values that it names are replaced."""
    words = {"one", "two", "three", "four", "five", "six", "ada", "bob"}
    text = json.dumps(apply(path))

    assert {word for word in words if f'"{word}' not in text} == gone


def test_json_in_a_text_stays_json() -> None:
    """What the path leads to in the arguments of a tool call is replaced there, and nothing else."""
    made = apply("$..arguments.to")
    call = made["response"]["choices"][0]["message"]["tool_calls"][0]

    assert json.loads(call["function"]["arguments"]) == {"to": "*", "n": 1}


def test_fields_are_found_in_json_in_a_text_too() -> None:
    """``fields`` reads the arguments of a tool call as ``path`` does."""
    made = redact.fields("mail", replacement="*")(Completion.model_validate(RECORD))

    assert "five" not in made.to_json()


@pytest.mark.parametrize("redactor", [redact.path("$.input[*].content"), redact.fields("content")])
def test_the_chat_view_of_a_responses_call_follows(redactor: redact.Redactor) -> None:
    """What is taken from the original is not left in the view that is made of it."""
    native = {"model": "m", "input": [{"role": "user", "content": "secret"}], "instructions": "stays"}
    record = Completion.model_validate({"request": chat_view.request(native), "native_request": native})

    text = redactor(record).to_json()

    assert "secret" not in text
    assert "stays" in text


def test_the_metadata_of_a_record_stays_a_map() -> None:
    """A path to all of it replaces each of its values."""
    assert apply("$.metadata")["metadata"] == {"user": "*", "team": "*"}


@pytest.mark.parametrize(
    "path",
    ["", "messages", "$", "$messages", "$.messages[", "$.messages[*", "$.a b", "$.a[?(@.x)]", "$.", "$..", 7],
)
def test_a_path_that_is_none_is_an_error(path: Any) -> None:
    """The message quotes the path and the place from which it cannot be read."""
    with pytest.raises(ValueError, match="path"):
        redact.path(path)
