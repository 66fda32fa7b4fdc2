"""The tool that shows one call, and the parts of one that is too long for an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Cli, call, calls
from tests.mcp.conftest import Asked

__all__ = ["calls"]

Ask = Callable[..., Asked]
STACK = [
    {"file": "/srv/app.py", "line": "main()", "lineno": 3, "name": "<module>"},
    {"file": "/srv/shop.py", "line": "answer = ask(question)", "lineno": 12, "name": "checkout"},
]


@pytest.fixture
def failed(cli: Cli) -> str:
    """The id of a call that failed, with tools, parameters and a stack."""
    arguments = '{"number": "FW-1"}'
    tool_call = {"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": arguments}}
    request = {
        "model": "gpt-4o-mini",
        "temperature": 0.2,
        "tools": [{"type": "function", "function": {"name": "find_order", "parameters": {}}}],
        "messages": [
            {"role": "user", "content": "Where is my order?"},
            {"role": "assistant", "content": None, "tool_calls": [tool_call]},
            {"role": "tool", "tool_call_id": "c1", "content": "shipped"},
        ],
    }
    record = call(
        1,
        status="failed",
        request=request,
        response=None,
        failure_kind="RateLimitError",
        failure_reason="429: slow down",
        stacktrace=STACK,
        metadata={"user_id": 7},
        retries=2,
    )
    with cli.client() as client:
        client.completions.batch(completions=[record])
    return str(record["id"])


def test_a_failed_call_says_why_and_from_which_line(ask: Ask, cli: Cli, failed: str) -> None:
    """Failure, the failing line with its stack, messages with tool calls, parameters and metadata."""
    asked = ask("get_call", id=failed[-6:])

    recorded = asked.recorded
    assert recorded["failure"] == "RateLimitError: 429: slow down"
    assert recorded["failing_line"] == "/srv/shop.py:12 in checkout: answer = ask(question)"
    assert recorded["stack"][0] == "/srv/app.py:3 in <module>: main()"
    assert [message["from"] for message in recorded["messages"]] == ["user", "assistant", "tool find_order"]
    assert "FW-1" in recorded["messages"][1]["text"]
    assert recorded["parameters"] == {"temperature": "0.2"}
    assert recorded["tools_offered"] == ["find_order"]
    assert recorded["facts"]["metadata"] == {"user_id": 7}
    assert recorded["facts"]["retries"] == 2
    assert asked.structured["page"] == f"{cli.url}/completions/{failed}"
    assert asked.text.endswith(f"Page: {cli.url}/completions/{failed}")


def test_a_finished_call_says_what_it_cost(ask: Ask, calls: list[Any]) -> None:
    """Answer, tokens, cost and time of the latest call, which needs no id."""
    recorded = ask("get_call", id="latest").recorded

    assert recorded["answers"] == [{"part": "answer 1", "from": "assistant", "text": "answer 5"}]
    assert recorded["facts"]["input tokens"] == 10
    assert 0 < recorded["facts"]["cost (dollars)"] < 0.001
    assert recorded["line"] == "/app/main.py:7 in main: ask()"
    assert ask("get_call", id="-2").recorded["id"] == calls[4]["id"]


def test_a_long_text_is_cut_in_the_middle_and_read_to_its_end_by_part(ask: Ask, cli: Cli) -> None:
    """The cut says how many characters are missing and where; the parts, joined, are the text."""
    text = "".join(f"line {number}\n" for number in range(4_000))
    with cli.client() as client:
        client.completions.batch(
            completions=[call(1, request={"model": "m", "messages": [{"role": "user", "content": text}]})]
        )

    (message,) = ask("get_call", id="latest", max_characters=4_000).recorded["messages"]
    head, _, rest = message["text"].partition("\n[... ")
    said, _, tail = rest.partition(" ...]\n")

    assert text.startswith(head)
    assert text.endswith(tail)
    omitted = len(text) - len(head) - len(tail)
    assert said == f'{omitted:,} characters left out; part="message 1" with offset={len(head)} gives them'

    joined, offset = head, {"offset": len(head)}
    while offset:
        asked = ask("get_call", id="latest", part="message 1", max_characters=4_000, **offset)
        joined += asked.recorded["text"]
        offset = asked.structured["next"]
    assert joined == text


def test_of_many_messages_those_at_the_ends_are_shown(ask: Ask, cli: Cli) -> None:
    """The messages between are counted, and each can be asked for."""
    messages = [{"role": "user", "content": f"message number {number}"} for number in range(1, 1_501)]
    with cli.client() as client:
        client.completions.batch(completions=[call(1, request={"model": "m", "messages": messages})])

    asked = ask("get_call", id="latest", max_characters=4_000)
    shown = [each for each in asked.recorded["messages"] if isinstance(each, dict)]
    (note,) = [each for each in asked.recorded["messages"] if isinstance(each, str)]

    assert shown[0]["text"] == "message number 1"
    assert shown[-1]["text"] == "message number 1500"
    first = len([each for each in shown if int(each["part"].split()[1]) < 750]) + 1
    assert note == (
        f'[... {1_500 - len(shown):,} messages left out; part="message {first}" gives the first of them ...]'
    )
    assert ask("get_call", id="latest", part="message 750").recorded["text"] == "message number 750"


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("failure", "RateLimitError: 429: slow down"),
        ("stack", "/srv/app.py:3 in <module>: main()\n/srv/shop.py:12 in checkout: answer = ask(question)"),
        ("message 3", "shipped"),
        ("parameter temperature", "0.2"),
    ],
)
def test_each_part_can_be_asked_for(ask: Ask, failed: str, part: str, text: str) -> None:
    """A part is one text of the call."""
    assert ask("get_call", id=failed, part=part).recorded["text"] == text
