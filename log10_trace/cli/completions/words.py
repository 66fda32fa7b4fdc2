"""What was asked and answered, in the few characters of a column: the first words of both."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from log10_trace.cli.output import one_line, symbol
from log10_trace.domain.call_labels import STARTED, describe_failure
from log10_trace.models.components import CompletionSummary

_MIN_SHARE: Final = 0.45
"""Of the room, for the question of a call with a long answer."""


def describe_words(call: CompletionSummary) -> str:
    """The question, and the answer or the failure, as far as lists have them."""
    question, answer = _read_question(call), describe_answer(call)
    return f"{question}{arrow()}{answer}" if answer else question


def shorten_words(call: CompletionSummary, width: int) -> Text:
    """The same in at most ``width`` characters: either has half of the room, and what the other leaves."""
    question = Text(one_line(_read_question(call)))
    answer = Text(one_line(describe_answer(call)), style="red" if call.failure_kind else "")
    if not answer:
        question.truncate(width, overflow="ellipsis")
        return question
    between = Text(arrow() if question else arrow().lstrip(), style="dim")
    room = max(2, width - between.cell_len)
    if question.cell_len + answer.cell_len > room:
        question.truncate(max(int(room * _MIN_SHARE), room - answer.cell_len), overflow="ellipsis")
        answer.truncate(room - question.cell_len, overflow="ellipsis")
    return question + between + answer


def describe_answer(call: CompletionSummary) -> str:
    """The answer, the failure, or that there is none yet."""
    if call.failure_kind:
        return describe_failure(call.failure_kind, call.failure_reason)
    if call.status == STARTED:
        return "running"
    answer = (call.preview.response if call.preview else None) or ""
    return f"{answer} (interrupted)".lstrip() if call.interrupted else answer


def _read_question(call: CompletionSummary) -> str:
    return (call.preview.request if call.preview else None) or ""


def arrow() -> str:
    """What leads from the question to the answer."""
    return symbol(" → ", " -> ")
