"""A call as Markdown: what stands in it, and what no text of a record can do to it."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt

from log10_trace.domain.call_markdown import write_markdown

HOSTILE = [
    "# a heading\n\n- a list\n\n![x](https://evil.example/x.png) <script>x</script>",
    "```\nout of the fence\n```\n# free",
    "`````` ~~~ ` `` \n``````",
    "[x](javascript:x) | a | b |\n|-|-|",
    "a\n===\nb",
]


def record(text: str) -> dict[str, Any]:
    """A failed call with the text wherever one belongs."""
    call = {"id": text, "function": {"name": text, "arguments": text}}
    return {
        "status": text,
        "tags": [text],
        "session_id": text,
        "created_at": text,
        "duration": 1.5,
        "failure_kind": text,
        "failure_reason": text,
        "stacktrace": [{"file": text, "lineno": 7}],
        "request": {
            "model": text,
            "user": text,
            "messages": [
                {"role": text, "content": text, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": text, "content": [{"type": "text", "text": text}]},
            ],
        },
        "response": {
            "error": {"message": text},
            "choices": [{"finish_reason": text, "message": {"role": text, "content": text}}],
        },
    }


def outline(markdown: str) -> list[str]:
    """The kinds of its elements, in order."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return [each.type for token in tokens for each in (token, *(token.children or ()))]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_record_is_markdown(text: str) -> None:
    """Whatever it says, the document has the elements that it has for calm text, and no more."""
    assert outline(write_markdown(text, record(text))) == outline(write_markdown("calm", record("calm")))


def test_a_call_is_told() -> None:
    """Facts, failure, messages, answer and parameters stand in it."""
    said = write_markdown("call-1", record("calm"))

    for expected in (
        "# Call `call-1`",
        "- Took: 1.5 s",
        "- Called from: `calm:7`",
        "## Failure",
        "## Request",
    ):
        assert expected in said
    for heading in ("### `tool`, the result of `calm`", "### Parameters", "## Response"):
        assert heading in said


@pytest.mark.parametrize(
    "values", [{}, {"request": [], "response": "<html>"}, {"response": {"choices": [1, None]}}]
)
def test_any_record_has_one(values: dict[str, Any]) -> None:
    """A record of any form, empty ones included."""
    assert write_markdown("x", values).startswith("# Call `x`\n")
