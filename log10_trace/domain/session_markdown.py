"""A session as Markdown: who said what, which tools ran with which result, where it waited, where it failed.

Pure. The text comes step by step, so that a session of any length is written in little memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from log10_trace.domain import formatting
from log10_trace.domain.call_parts import Part
from log10_trace.domain.markdown_text import escape_control_characters, fence, spell
from log10_trace.domain.session_story import StoryStep

_MIN_WAIT_S: Final = 1.0


def write_session(session_id: str, title: str, steps: Iterable[StoryStep]) -> Iterator[str]:
    """The document in pieces."""
    yield escape_control_characters(f"# Session {spell(session_id)}\n\n{spell(title)}\n")
    for step in steps:
        yield escape_control_characters("\n\n".join(_write_step(step)) + "\n")


def _write_step(step: StoryStep) -> Iterator[str]:
    yield f"\n## {step.number}. {spell(step.model or 'call')}, {spell(step.status)}"
    yield describe_time(step)
    if step.asks_again:
        yield "The same request again."
    elif step.repeated:
        noun = "message" if step.repeated == 1 else "messages"
        yield f"{step.repeated:,} earlier {noun} sent again."
    for part in (*step.added, *step.answers):
        yield from _write_part(part)
    if not step.answers:
        yield "No answer yet." if step.status == "running" else "No answer."


def _write_part(part: Part) -> Iterator[str]:
    if part.title:
        yield f"### {spell(part.title)}"
    yield fence(part.text)


def describe_time(step: StoryStep) -> str:
    """When a call ran: ``+3.5 s, took 900 ms, first token after 300 ms, beside call 2``."""
    bar = step.bar
    words = [f"+{formatting.duration(bar.offset)}" if bar.offset else "0 s"]
    words.append(
        f"runs for {formatting.duration(bar.length)}"
        if step.status == "running"
        else f"took {formatting.duration(bar.length)}"
    )
    if bar.first_token is not None:
        words.append(f"first token after {formatting.duration(bar.first_token)}")
    if bar.beside:
        numbers = ", ".join(str(index + 1) for index in bar.beside)
        words.append(f"beside {'call' if len(bar.beside) == 1 else 'calls'} {numbers}")
    if bar.waited >= _MIN_WAIT_S:
        words.append(f"after a wait of {formatting.duration(bar.waited)}")
    return ", ".join(words)
