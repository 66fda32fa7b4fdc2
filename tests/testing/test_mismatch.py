"""What is said of a call that is not recorded: the nearest request, and where it differs."""

from __future__ import annotations

from typing import Any

from log10_trace.testing.mismatch import describe_unrecorded_call


def chat(text: str, path: str = "/chat/completions", **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    return {"request": f"POST {path}", "json": {"model": "gpt-4o", "messages": messages, **more}}


def test_the_differences_stand_by_path() -> None:
    """What was recorded and what is asked now, field by field."""
    told = describe_unrecorded_call(chat("Spain?", seed=1), [chat("France?", temperature=0)], [])

    assert told.splitlines() == [
        "The nearest recorded request is POST /chat/completions:",
        "  messages[1].content",
        '    recorded: "France?"',
        '    made:     "Spain?"',
        "  temperature",
        "    recorded: 0",
        "    made:     (absent)",
        "  seed",
        "    recorded: (absent)",
        "    made:     1",
    ]


def test_long_texts_are_shown_where_they_differ() -> None:
    """Not from their beginning, and not to their end."""
    told = describe_unrecorded_call(chat("a" * 5000 + "X" + "b" * 5000), [chat("a" * 5000 + "Y")], [])

    recorded, made = told.splitlines()[2:]
    assert recorded == f'    recorded: ..."{"a" * 30}Y"'
    assert made == f'    made:     ..."{"a" * 30}X{"b" * 69}"...'


def test_the_nearest_is_of_the_same_path() -> None:
    """A request to another endpoint is named only when there is no other."""
    recorded = [chat("Spain?", "/responses"), chat("Something else altogether")]

    told = describe_unrecorded_call(chat("Spain?"), recorded, [])

    assert "request is POST /chat/completions:" in told
    assert "request is POST /responses:" in describe_unrecorded_call(chat("x"), recorded[:1], [])


def test_one_call_too_many_is_told_as_that() -> None:
    """An equal request was served already."""
    assert describe_unrecorded_call(chat("x"), [chat("y")], [chat("x")]).startswith(
        "It is recorded once, and"
    )
    assert "recorded 2 times" in describe_unrecorded_call(chat("x"), [], [chat("x")] * 2)


def test_an_empty_recording_is_told_as_that() -> None:
    """There is nothing to compare with."""
    assert describe_unrecorded_call(chat("x"), [], []) == "The recording has no calls."


def test_many_differences_are_counted() -> None:
    """The message stays short."""
    made = chat("x", **{f"field{number}": number for number in range(40)})

    told = describe_unrecorded_call(made, [chat("x")], [])

    assert told.splitlines()[-1] == "  and 28 more differences"


def test_no_control_character_reaches_the_terminal() -> None:
    """A prompt may hold anything."""
    told = describe_unrecorded_call(chat("\x1b[31m\u202e"), [chat("y")], [])

    assert "\x1b" not in told
    assert "\u202e" not in told
