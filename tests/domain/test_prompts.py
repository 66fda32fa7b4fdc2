"""What a request asks, in the words of its end."""

from __future__ import annotations

from typing import Any

import pytest

from log10_trace.domain.prompts import read_prompt
from log10_trace.domain.text_extraction import request_texts


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "4 degrees"}


@pytest.mark.parametrize(
    ("request_body", "prompt"),
    [
        (None, ("", "")),
        ("text", ("text", "")),
        ({"prompt": "Once"}, ("Once", "")),
        ({"prompt": ["Once", "Twice"]}, ("Once\nTwice", "")),
        ({"messages": []}, ("", "")),
        (
            {"messages": [said("system", "Be brief."), said("user", "Hi"), said("assistant", "Yes?")]},
            ("Hi", ""),
        ),
        ({"messages": [said("user", "Hi"), said("tool", "4"), said("user", "So?")]}, ("So?", "")),
        ({"messages": [said("user", "Hi"), said("tool", "4")]}, ("Hi", "4")),
        ({"messages": [said("system", "Only this."), said("tool", "4")]}, ("Only this.", "4")),
        ({"messages": [said("user", "Look"), said("user", [{"type": "image_url"}])]}, ("Look", "")),
        ({"messages": ["loose", None, 3, said("user", None)]}, ("3", "")),
        ({"instructions": "Be brief.", "input": [said("user", "Oslo?"), OUTPUT]}, ("Oslo?", "4 degrees")),
        ({"instructions": "Be brief.", "input": "Oslo?"}, ("Oslo?", "")),
        ({"input": [OUTPUT]}, ("", "4 degrees")),
    ],
)
def test_a_prompt_is_what_the_user_said_last(request_body: Any, prompt: tuple[str, str]) -> None:
    """The last text of a user, else the last that no tool gave; a tool's output only where it is last."""
    assert read_prompt(request_body, request_texts(request_body)) == prompt


@pytest.mark.parametrize("odd", [[], {}, 1, None, [[]]], ids=repr)
@pytest.mark.parametrize("field", ["role", "type"])
def test_a_message_of_an_odd_kind_is_no_tools_output(field: str, odd: Any) -> None:
    """A role or a type that is no text names nothing, and stops nothing."""
    asked = {"messages": [{**said("user", "why?"), field: odd}]}

    assert read_prompt(asked, request_texts(asked)) == ("why?", "")
