"""Redactors: what they take out, what they leave, and that they fail closed."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from log10_trace import redact
from log10_trace.models.components import Completion


def completion(text: str, **more: Any) -> Completion:
    """A chat completion in which ``text`` stands at every place that holds somebody's words."""
    message = {"role": "user", "content": [{"type": "text", "text": text}]}
    answer = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    fields: dict[str, Any] = {
        "id": "1",
        "kind": "chat",
        "status": "finished",
        "tags": ["t"],
        "duration": 0.5,
        "request": {"model": "m", "messages": [message], "secret": text, "seed": 7},
        "response": {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [answer]},
        "stacktrace": [{"file": "a.py", "line": f"ask({text!r})", "lineno": 3, "name": "main"}],
    }
    return Completion.model_validate(fields | more)


def written(made: Completion) -> Any:
    return json.loads(made.to_json())


@pytest.mark.parametrize(
    "words", ["ada@example.org", "4111 1111 1111 1111", "+44 20 7946 0958", "sk-abcdefghijklmnop0123"]
)
def test_patterns_take_out_the_usual_secrets(words: str) -> None:
    """Addresses, card and telephone numbers and keys go from every text, the source line of the call too."""
    cleaned = redact.patterns()(completion(f"write to {words}, please"))

    assert words not in cleaned.to_json()
    assert written(cleaned)["request"]["messages"][0]["content"][0]["text"] == "write to [redacted], please"


def test_patterns_of_ones_own_leave_all_else() -> None:
    """Only what matches is replaced; names of fields, numbers and labels stay."""
    before = completion("the codename is Owl")

    cleaned = redact.patterns("Owl", replacement="*")(before)

    assert json.loads(cleaned.to_json().replace("*", "Owl")) == written(before)


def test_long_runs_of_letters_are_read_in_one_go() -> None:
    """A megabyte without a blank, as an encoded file is one, takes no longer than other text."""
    run = "a" * 1_000_000

    assert run in redact.patterns()(completion(run)).to_json()


def test_fields_are_replaced_however_deep() -> None:
    """The value of every field with one of the names goes, and nothing else."""
    cleaned = written(redact.fields("content", "secret")(completion("mine")))

    assert cleaned["request"]["secret"] == "[redacted]"
    assert cleaned["request"]["messages"] == [{"role": "user", "content": "[redacted]"}]
    assert cleaned["response"]["choices"][0]["message"]["content"] == "[redacted]"
    assert cleaned["request"]["seed"] == 7


def test_a_chain_runs_one_after_the_other() -> None:
    """Each redactor sees what the one before it left."""
    both = redact.chain(
        redact.patterns("one", replacement="two"), redact.patterns("two", replacement="three")
    )

    assert written(both(completion("one")))["request"]["secret"] == "three"


class _Panic(BaseException):
    """As libraries written in other languages raise."""


def _looks_up(_: Completion) -> Completion:
    signal.Handlers(9)  # as an enum of the program that lacks a value does
    raise AssertionError


def _raises(_: Completion) -> Completion:
    raise ValueError("mine")


def _panics(_: Completion) -> Completion:
    raise _Panic("mine")


@pytest.mark.parametrize("redactor", [_raises, _looks_up, _panics, lambda _: None])
def test_a_redactor_that_fails_withholds_the_words(redactor: Any, caplog: pytest.LogCaptureFixture) -> None:
    """No word is kept or logged; labels, times and the place of the call are."""
    left, worked = redact.apply(redactor, completion("mine", failure_reason="mine"))

    assert not worked
    assert "mine" not in left.to_json() + caplog.text
    assert (left.duration, left.tags) == (0.5, ["t"])
    assert written(left)["stacktrace"][0] == {"file": "a.py", "line": "", "lineno": 3, "name": "main"}
