"""``sessions show``: a session told on the terminal, as its page tells it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from log10_trace.domain.page_paths import session_path
from tests.cli.conftest import Cli, Said, call
from tests.odd_ids import ODD_IDS

Run = Callable[..., Said]
QUESTION = {"role": "user", "content": "Where is it?\x1b[31m"}
TOOL = {"id": "c1", "function": {"name": "find_order", "arguments": '{"n": 1}'}}
ASKED = {"role": "assistant", "content": None, "tool_calls": [TOOL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "x" * 9_000}


def step(number: int, *messages: dict[str, Any], answer: Any = None, **fields: Any) -> dict[str, Any]:
    request = {"model": "gpt-4o-mini", "messages": list(messages)}
    response = answer and {"model": "gpt-4o-mini", "choices": [{"message": answer}]}
    return call(number, session_id="s", request=request, response=response, **fields)


def test_a_session_is_told_as_a_story(cli: Cli, within: Run) -> None:
    """Totals, a bar for each call, then who said what, which tool ran, where it waited, what failed."""
    failure = {"status": "failed", "failure_kind": "RateLimitError", "failure_reason": "slow down"}
    steps = [
        step(0, QUESTION, answer=ASKED, duration=4.0, time_to_first_token=1.0),
        step(1, {"role": "user", "content": "Classify."}, answer={"role": "assistant", "content": "calm"}),
        step(30, QUESTION, ASKED, RESULT, **failure),
        step(31, QUESTION, ASKED, RESULT, answer={"role": "assistant", "content": "Lost."}),
    ]
    with cli.client() as client:
        client.completions.batch(completions=steps)

    told = within("sessions", "show", "s").out
    screen = cli.screen("sessions", "show", "s", "--limit", "2", width=80)

    words = [
        "Where is it?", "Session s: 4 calls, 1 failed", "26.8 s without a call", "░", "█",
        "find_order(", "beside call 1", "after a wait of 26 s", "2 earlier messages sent again",
        "tool find_order", "7,000 more characters: log10-trace completions get", "RateLimitError: slow down",
        "the same request again", "Lost.",
    ]  # fmt: skip
    assert sorted(words, key=told.index) == words
    assert "\n    Where is it?␛[31m\n" in told
    assert "\x1b" not in told
    assert max(map(len, screen.text.splitlines())) <= 80
    assert "2 later calls not shown" in screen.text
    assert within("sessions", "show", "s", "--columns", "status").out.split() == [
        "finished",
        "finished",
        "failed",
        "finished",
    ]


def test_any_session_is_shown_and_opened(cli: Cli, within: Run) -> None:
    """Slashes, dots, escapes and emoji in an id lead to this session by every command that takes an id."""
    names = ODD_IDS[:4]
    with cli.client() as client:
        client.completions.batch(completions=[call(at, session_id=name) for at, name in enumerate(names)])

    for at, name in enumerate(names):
        (shown,) = within("sessions", "show", name, "--json").out.splitlines()
        assert json.loads(shown)["id"] == call(at)["id"]
    assert "Session a/../b: 1 call" in within("sessions", "show", "a/../b").out
    assert json.loads(within("completions", "export", "--session", "a/../b").out)["session_id"] == "a/../b"
    opened = within("open", "--session", "a/../b", "--print")
    assert session_path("a/../b") in unquote(opened.out)
    missing = within("sessions", "show", "a/../c")
    assert (missing.returncode, missing.out) == (1, "")
    assert "no such session" in missing.err
