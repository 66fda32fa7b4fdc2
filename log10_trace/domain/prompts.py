"""What a request asks: the words of its last user message, and what a tool answered after it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from log10_trace.domain.json_values import read_mapping, read_text
from log10_trace.domain.text_extraction import sanitize

_USER: Final = "user"
_TOOL_ROLES: Final = frozenset({"tool", "function"})
_OUTPUT: Final = "_output"
"""How the types of what tools give end in the Responses API: ``function_call_output`` and its like."""


class Prompt(NamedTuple):
    """Texts; empty where the request has none."""

    user: str
    """Of the last message of a user that has text; of the last message that is no tool's without one."""
    tool: str
    """Of the last tool's output, where it is the request's last message."""


def read_prompt(request: Any, texts: Sequence[str]) -> Prompt:
    """The prompt of a request of either API, whose ``text_extraction.request_texts`` are ``texts``."""
    turns = _turns(request)
    if not turns:
        return Prompt(_sole_text(request) or "\n".join(texts), "")
    said = list(zip(turns, texts[len(texts) - len(turns) :], strict=True))
    users = (text for turn, text in reversed(said) if turn.get("role") == _USER and text)
    others = (text for turn, text in reversed(said) if not _is_tool_output(turn) and text)
    last_turn, last_text = said[-1]
    tool = last_text if _is_tool_output(last_turn) else ""
    return Prompt(next(users, None) or next(others, ""), tool)


def _sole_text(request: Any) -> str:
    """What is asked where it is one text, without the instructions beside it."""
    held = read_mapping(request)
    texts = (read_text(held.get(name)) for name in ("input", "prompt"))
    return sanitize(next(filter(None, texts), ""))


def _turns(request: Any) -> list[Mapping[str, Any]]:
    held = read_mapping(request)
    turns = held.get("messages", held.get("input"))
    return [read_mapping(turn) for turn in turns] if isinstance(turns, list) else []


def _is_tool_output(turn: Mapping[str, Any]) -> bool:
    return read_text(turn.get("role")) in _TOOL_ROLES or read_text(turn.get("type")).endswith(_OUTPUT)
