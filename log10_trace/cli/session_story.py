"""A session told on the terminal: when its calls ran, and what each of them added."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

from rich.text import Text

from log10_trace.cli.output import (
    count,
    count_noun,
    dollars,
    escape_control_characters,
    one_line,
    show_text,
)
from log10_trace.cli.session_bars import STATUS_STYLES, draw_calls, time_calls
from log10_trace.client import Log10
from log10_trace.domain import formatting
from log10_trace.domain.call_parts import Part
from log10_trace.domain.session_markdown import describe_time
from log10_trace.domain.session_story import StoryStep, tell_story
from log10_trace.domain.timeline import Timeline
from log10_trace.models.components import Session
from log10_trace.questions.session_records import read_session_records

_MAX_CHARACTERS: Final = 2_000
"""Of one text; the call itself has all of them."""
_ROLE_STYLES: Final = {
    "user": "bold cyan", "assistant": "bold green", "tool": "bold magenta", "failure": "bold red",
    "error": "bold red",
}  # fmt: skip


def show_story(client: Log10, session: Session, limit: int) -> None:
    """Show a session: its totals, its calls in time, and what each said; at most ``limit`` calls."""
    session_id = session.id or ""
    now_ms = time.time_ns() // 1_000_000
    calls = list(client.completions.list(session_id=session_id, limit=limit, order="oldest"))
    timeline = time_calls(calls, now_ms)
    first = calls[0].preview if calls else None
    show_text(Text(one_line((first and first.request) or session_id), style="bold"))
    show_text(Text(_describe_totals(session)))
    if calls:
        show_text(Text(_describe_timeline(timeline)))
    show_text(Text())
    for line in draw_calls(calls, timeline):
        show_text(line)
    with read_session_records(client, session_id) as records:
        for step in islice(tell_story(records, now_ms), len(calls)):
            for text, indent in _describe_step(step):
                show_text(text, indent=indent)
    later = (session.calls or 0) - len(calls)
    if later > 0:
        show_text(Text(f"\n{count_noun(later, 'later call')} not shown; see --limit.", style="dim"))


def _describe_totals(session: Session) -> str:
    failed = f", {count(session.failed)} failed" if session.failed else ""
    cost = f", {dollars(session.cost)}" if session.cost is not None else ""
    tokens = f", {count(session.input_tokens)} tokens in, {count(session.output_tokens)} out"
    calls = count_noun(session.calls or 0, "call")
    return escape_control_characters(f"Session {session.id}: {calls}{failed}{tokens}{cost}")


def _describe_timeline(timeline: Timeline) -> str:
    wall, idle, model = (
        formatting.duration(length) for length in (timeline.wall, timeline.idle, timeline.model)
    )
    return f"{wall} from first to last, {idle} without a call; {model} in the model"


def _describe_step(step: StoryStep) -> Iterator[tuple[Text, int]]:
    """The lines of a step, each with its indentation."""
    head = Text(f"\n{step.number} {one_line(step.model or 'call')}", style="bold")
    status = Text(f"  {one_line(step.status)}", style=STATUS_STYLES.get(step.status, "green"))
    yield Text.assemble(head, status, (f"  {describe_time(step)}", "dim")), 0
    yield Text(escape_control_characters(step.id), style="dim"), 2
    if step.asks_again:
        yield Text("the same request again", style="dim"), 2
    elif step.repeated:
        yield Text(f"{count_noun(step.repeated, 'earlier message')} sent again", style="dim"), 2
    for part in (*step.added, *step.answers):
        yield from _describe_part(part, step.id)


def _describe_part(part: Part, completion_id: str) -> Iterator[tuple[Text, int]]:
    title = escape_control_characters(part.title)
    yield Text(title, style=_ROLE_STYLES.get(title.partition(" ")[0], "bold")), 2
    omitted = len(part.text) - _MAX_CHARACTERS
    shown = part.text if omitted <= _MAX_CHARACTERS // 4 else part.text[:_MAX_CHARACTERS]
    yield Text(escape_control_characters(shown)), 4
    if len(shown) < len(part.text):
        whole = f"… {omitted:,} more characters: log10-trace completions get {completion_id}"
        yield Text(escape_control_characters(whole), style="dim"), 4
