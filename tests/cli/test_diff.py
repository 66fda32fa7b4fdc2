"""``completions diff``: what differs between two calls, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from log10_trace.cli.completions import diff
from tests.cli.conftest import Cli, Said, call

A, B = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002"
Run = Callable[..., Said]


def request(temperature: float, *texts: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": text} for text in texts]
    return {"model": "gpt-4o-mini", "temperature": temperature, "messages": messages}


def store(cli: Cli, *calls: dict[str, Any]) -> None:
    with cli.client() as client:
        client.completions.batch(completions=list(calls))


def test_two_calls_are_compared(cli: Cli, within: Run) -> None:
    """Facts have their change, texts the words that differ; equal messages are counted."""
    same = [f"question {number}" for number in range(4)]
    store(
        cli,
        call(1, request=request(0.25, *same, "Answer in French, \x1b[31mplease.")),
        call(2, request=request(0.75, *same, "Answer in German, \x1b[31mplease.", "Thanks."), duration=1.25),
    )

    shown = within("completions", "diff", A, B).out
    screen = cli.screen("completions", "diff", A, "latest", width=80)

    assert "250 ms → 1.25 s  +1 s (+400 %)" in shown
    assert "[-0.25-]{+0.75+}" in shown
    assert "… 4 equal …" in shown
    assert "5 user\n    Answer in [-French-]{+German+}, ␛[31mplease." in shown
    assert "6 user  only in b\n    {+Thanks.+}" in shown
    assert "[-answer 1-]{+answer 2+}" in shown or "answer [-1-]{+2+}" in shown
    assert "\x1b" not in shown
    assert "\x1b[3" in screen.raw
    assert max(map(len, screen.text.splitlines())) <= 80
    assert "{+German+}" in screen.text


def test_programs_get_the_comparison_as_json(cli: Cli, within: Run) -> None:
    """One JSON object with facts, sections and segments; equal calls have no change."""
    store(cli, call(1), call(2, response=call(1)["response"], request=call(1)["request"]))

    equal = json.loads(within("completions", "diff", A, B, "--json").out)
    person = within("completions", "diff", A, A)
    missing = within("completions", "diff", A, "01900000-0000-7000-8000-00000000000f")

    assert (equal["a"], equal["b"], equal["changed"]) == (A, B, 0)
    assert equal["messages"] == [{"title": "user", "equal": True, "a": 1, "b": 1, "text": "question 1"}]
    assert equal["facts"]["duration"] == {"a": 0.25, "b": 0.25}
    assert "Both calls asked the same and were answered the same." in person.out
    assert (missing.returncode, missing.out) == (1, "")


def test_five_hundred_messages_and_long_texts_are_compared(cli: Cli, within: Run) -> None:
    """Equal messages are counted, long equal text and long changes are cut, and the change is there."""
    texts = [f"message {number}" for number in range(500)]
    filler = "word " * 2_000
    store(
        cli,
        call(1, request=request(0, *texts, f"{filler}old {filler}", "x" * 9_000)),
        call(2, request=request(0, *texts, f"{filler}new {filler}", "y" * 9_000)),
    )

    shown = within("completions", "diff", A, B).out

    assert "… 500 equal …" in shown
    assert "[-old-]{+new+}" in shown
    assert "equal characters …" in shown
    assert f"… {9_000 - diff._MAX_CHARACTERS:,} more characters …" in shown
    assert len(shown) < 7_000
