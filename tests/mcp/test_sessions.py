"""The tools that compare two calls, list sessions and tell one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from log10_trace.domain.page_paths import session_path
from tests.cli.conftest import Cli, call, calls
from tests.mcp.conftest import Asked

__all__ = ["calls"]

Ask = Callable[..., Asked]
SESSION = "tenant/../123"


def say(number: int, *contents: str, answer: str = "yes", **fields: Any) -> dict[str, Any]:
    """A call whose messages take turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[at % 2], "content": content} for at, content in enumerate(contents)]
    choices = [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}]
    request = {"model": "gpt-4o-mini", "temperature": number / 10, "messages": messages}
    response = {"model": "gpt-4o-mini", "choices": choices}
    return call(number, session_id=SESSION, request=request, response=response, **fields)


@pytest.fixture
def session(cli: Cli) -> list[dict[str, Any]]:
    """Three calls of one conversation; the last failed."""
    failure = {"status": "failed", "failure_kind": "TimeoutError", "failure_reason": "too slow"}
    records = [
        say(1, "May I return the red tent?", answer="Within 30 days."),
        say(2, "May I return the blue tent?", "Within 30 days.", "And the red one?", answer="Also."),
        {
            **say(3, "May I return the blue tent?", "Within 30 days.", "And the red one?", **failure),
            "response": None,
        },
    ]
    with cli.client() as client:
        client.completions.batch(completions=records)
    return records


def test_what_changed_between_two_calls_is_marked_word_by_word(
    ask: Ask, cli: Cli, session: list[dict[str, Any]]
) -> None:
    """Parameters, messages and answers that differ, the words that only one has, and the page of both."""
    a, b = session[0]["id"], session[1]["id"]
    asked = ask("compare_calls", a=a, b="-2")

    recorded = asked.recorded
    assert (recorded["a"], recorded["b"]) == (a, b)
    assert recorded["parameters"]["changes"] == [{"part": "temperature", "change": "[-0.1-]{+0.2+}"}]
    assert recorded["messages"]["changes"][0]["change"] == "May I return the [-red-]{+blue+} tent?"
    assert recorded["messages"]["differ"] == 3
    assert recorded["answers"]["differ"] == 1
    assert recorded["equal_facts"]["model"] == "gpt-4o-mini"
    assert asked.structured["page"] == f"{cli.url}/compare?a={a}&b={b}"


def test_equal_calls_are_said_to_be_equal(ask: Ask, calls: list[Any]) -> None:
    """A call compared with itself."""
    assert ask("compare_calls", a="latest", b="latest").text.startswith(
        "Both calls asked the same and were answered the same."
    )


def test_a_session_is_told_call_by_call(ask: Ask, cli: Cli, session: list[dict[str, Any]]) -> None:
    """Each call with what it added; messages sent again are counted, a repeated request is named."""
    asked = ask("get_session", id="latest")

    recorded = asked.recorded
    first, second, third = recorded["story"]
    assert (recorded["id"], recorded["calls"], recorded["failed"]) == (SESSION, 3, 1)
    assert [said["text"] for said in first["said"]] == ["May I return the red tent?", "Within 30 days."]
    assert second["time"].startswith("+1 s, took 250 ms")
    assert third["same_request_again"] is True
    assert [said["text"] for said in third["said"]] == ["TimeoutError: too slow"]
    assert third["status"] == "failed"
    assert asked.structured["page"] == f"{cli.url}{session_path(SESSION)}"
    assert asked.structured["next"] is None


def test_a_long_session_is_told_in_pages(ask: Ask, session: list[dict[str, Any]]) -> None:
    """Each page says with which call the next begins; what was said before still counts as said."""
    first = ask("get_session", id=SESSION, limit=2)
    second = ask("get_session", id=SESSION, limit=2, **first.structured["next"])

    assert [step["number"] for step in first.recorded["story"]] == [1, 2]
    assert [step["number"] for step in second.recorded["story"]] == [3]
    assert second.recorded["story"][0]["same_request_again"] is True
    assert second.structured["next"] is None
    assert "none of them from that number on" in ask("get_session", id=SESSION, first_call=9).text


def test_sessions_are_listed_page_by_page(ask: Ask, cli: Cli, calls: list[Any]) -> None:
    """The session with the latest call first; the pages hold each once."""
    seen: list[str] = []
    arguments: dict[str, Any] = {"limit": 2, "tag": "odd"}
    while arguments:
        asked = ask("list_sessions", **arguments)
        seen += [session["id"] for session in asked.recorded["sessions"]]
        arguments = {**arguments, **asked.structured["next"]} if asked.structured["next"] else {}

    assert seen == ["session-2", "session-1", "session-0"]
    assert asked.structured["page"] == f"{cli.url}/sessions?tag=odd"
