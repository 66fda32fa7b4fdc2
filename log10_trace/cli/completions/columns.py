"""The columns that a list of calls may have."""

from __future__ import annotations

from typing import Any, Final

import typer

from log10_trace.cli.completions.words import arrow, describe_words, shorten_words
from log10_trace.cli.output import (
    Column,
    age,
    count,
    dollars,
    moment_of,
    numeric_column,
    relative_time,
    seconds,
    short_id,
    symbol,
)
from log10_trace.domain.call_labels import FAILED, FINISHED, STARTED, describe_failure
from log10_trace.models.components import CompletionSummary
from log10_trace.questions.call_words import describe_call_site

_INTERRUPTED: Final = "interrupted"
_MARKS: Final = {FINISHED: ("✓", "+"), FAILED: ("✗", "x"), STARTED: ("…", "."), _INTERRUPTED: ("◐", "~")}
"""By status; the second where the terminal has not the first."""
_STYLES: Final = {FINISHED: "green", FAILED: "red", STARTED: "yellow"}


def _text(value: Any) -> str:
    return "" if value is None else str(getattr(value, "value", value))


def _status(call: CompletionSummary) -> str:
    return _INTERRUPTED if call.interrupted else _text(call.status)


def _mark(call: CompletionSummary) -> str:
    return symbol(*_MARKS.get(_status(call), ("?", "?")))


def _status_style(call: CompletionSummary) -> str:
    return _STYLES.get(_text(call.status), "")


def _brief_call_site(call: CompletionSummary) -> str:
    return describe_call_site(call).rpartition("/")[2]


def _tokens(call: CompletionSummary) -> str:
    if call.usage is None:
        return ""
    return f"{count(call.usage.input_tokens) or '?'}/{count(call.usage.output_tokens) or '?'}"


def _preview_request(call: CompletionSummary) -> str:
    return (call.preview.request if call.preview else None) or ""


def _preview_response(call: CompletionSummary) -> str:
    if call.failure_kind:
        return describe_failure(call.failure_kind, call.failure_reason)
    return (call.preview.response if call.preview else None) or ""


COLUMNS: Final = {
    "id": Column(title="ID", cell=lambda call: _text(call.id), brief=lambda call: short_id(call.id)),
    "time": Column(
        title="WHEN",
        cell=lambda call: _text(call.created_at),
        brief=lambda call: relative_time(moment_of(call.created_at)),
    ),
    "age": Column(
        title="AGE",
        cell=lambda call: _text(call.created_at),
        brief=lambda call: age(moment_of(call.created_at)),
        right=True,
    ),
    "status": Column(title="STATUS", cell=_status, style=_status_style),
    "mark": Column(title="", cell=_status, brief=_mark, style=_status_style),
    "kind": Column(title="KIND", cell=lambda call: _text(call.kind)),
    "model": Column(title="MODEL", cell=lambda call: _text(call.model), flexible=True, max_part=0.15),
    "duration": numeric_column("TOOK", lambda call: call.duration, seconds),
    "first": numeric_column("FIRST", lambda call: call.time_to_first_token, seconds),
    "tokens": Column(title="IN/OUT", cell=_tokens, right=True),
    "tags": Column(title="TAGS", cell=lambda call: ", ".join(call.tags or []), flexible=True),
    "session": Column(title="SESSION", cell=lambda call: _text(call.session_id)),
    "cost": numeric_column("COST", lambda call: call.cost, dollars),
    "call_site": Column(title="CALL SITE", cell=describe_call_site, brief=_brief_call_site, flexible=True),
    "words": Column(
        title=f"QUESTION{arrow()}ANSWER",
        cell=describe_words,
        shorten=shorten_words,
        flexible=True,
        min_width=20,
    ),
    "request": Column(title="REQUEST", cell=_preview_request, flexible=True),
    "response": Column(title="RESPONSE", cell=_preview_response, flexible=True),
    "failure": Column(title="FAILURE", cell=lambda call: _text(call.failure_kind), flexible=True),
    "endpoint": Column(title="ENDPOINT", cell=lambda call: _text(call.endpoint), flexible=True),
    "source": Column(title="SOURCE", cell=lambda call: _text(call.source)),
    "sequence": Column(title="NO.", cell=lambda call: _text(call.sequence), right=True),
}
"""By the name that ``--columns`` takes."""

PIPED: Final = "id,time,status,model,duration,tokens,tags,request,response"
"""In a pipe."""
LONG_PIPED: Final = "id,time,status,model,duration,cost,tokens,tags,session,call_site,request,response"
USUAL: Final = "id,age,mark,model,words,duration,cost"
ROOMY: Final = "id,age,mark,model,words,tags,tokens,duration,cost"
"""On a wide terminal."""


def select_columns(names: str) -> list[Column]:
    """The columns with these names, in this order.

    Raises:
        BadParameter: there is no such column.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in COLUMNS:
            message = f"There is no column {name!r}. There are: {', '.join(COLUMNS)}."
            raise typer.BadParameter(message, param_hint="--columns")
    return [COLUMNS[name] for name in wanted]
