"""``completions list`` and ``completions search``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import typer
from rich.text import Text

from log10_trace.cli.completions.columns import (
    LONG_PIPED,
    PIPED,
    ROOMY,
    USUAL,
    select_columns,
)
from log10_trace.cli.completions.group import group
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Json, Limit, Server, expand_option_groups
from log10_trace.cli.output import console, escape_control_characters, one_line, show_json, show_rows
from log10_trace.domain.marked_text import split_at_marks
from log10_trace.models.components import CompletionSummary
from log10_trace.questions.call_words import describe_call_site

_ROOMY: Final = 120
"""Characters of width from which there is room for tags and tokens."""
_NO_MATCH: Final = "No such calls. The newest of all: log10-trace ls"
_NO_CALLS: Final = "No calls yet. See six arrive: log10-trace demo"

Columns = Annotated[str | None, typer.Option(help="Columns, separated by commas.", show_default=USUAL)]
Long = Annotated[bool, typer.Option("--long", "-l", help="Also id, tags, session and call site.")]
Oldest = Annotated[bool, typer.Option("--oldest", help="Oldest first.")]


@group.command("list", cls=OnceCommand)
@expand_option_groups
def list_(
    *,
    which: CompletionFilterOptions,
    server: Server,
    limit: Limit = 25,
    offset: Annotated[int, typer.Option(help="Skip this many.", min=0)] = 0,
    columns: Columns = None,
    long: Long = False,
    oldest: Oldest = False,
    json: Json = False,
) -> None:
    """List calls, the newest first."""
    filters = which.filters()
    with server.client() as client:
        calls = client.completions.list(
            limit=offset + limit, order="oldest" if oldest else "newest", **filters
        )
        empty = _NO_MATCH if filters or offset else _NO_CALLS
        show(_without(calls, offset), columns, as_json=json, is_long=long, empty=empty)


@group.command("search", cls=OnceCommand)
@expand_option_groups
def search(
    words: Annotated[
        str, typer.Argument(help='All words must occur; "a phrase", begin*, in:request and in:response.')
    ],
    *,
    which: CompletionFilterOptions,
    server: Server,
    limit: Limit = 25,
    columns: Columns = None,
    long: Long = False,
    json: Json = False,
) -> None:
    """Search the texts of requests and responses, the newest first; on a terminal with the passages found."""
    filters = which.filters()
    text = " ".join(filter(None, (words, filters.pop("q", None))))
    with server.client() as client:
        found = client.completions.search(text, limit=limit, **filters)
        show(found, columns, as_json=json, is_long=long)


def show(
    calls: Iterable[CompletionSummary],
    columns: str | None,
    *,
    as_json: bool,
    is_long: bool = False,
    empty: str = _NO_MATCH,
) -> None:
    """Show calls as a table with these columns, or as JSON; ``is_long`` with the labels of each below it."""
    table = select_columns(columns or _choose_columns(is_long=is_long))
    if not as_json:
        note = _describe_long if is_long else _passage
        show_rows(table, calls, empty=empty, note=note)
        return
    for call in calls:
        show_json(call)


def _choose_columns(*, is_long: bool) -> str:
    if not console.is_terminal:
        return LONG_PIPED if is_long else PIPED
    return ROOMY if console.width >= _ROOMY else USUAL


def _describe_long(call: CompletionSummary) -> Text:
    """The labels that a line has no room for, and where the words of a search occur."""
    session, site = one_line(call.session_id or ""), one_line(describe_call_site(call))
    first = "  ".join(filter(None, (one_line(call.id or ""), one_line(", ".join(call.tags or [])))))
    second = "  ".join(filter(None, (session and f"session {session}", site)))
    parts = [Text(text, style="dim") for text in (first, second) if text]
    passage = _passage(call)
    return Text("\n").join([*parts, *([passage] if passage else [])])


def _passage(call: CompletionSummary) -> Text | None:
    """Where the words of a search occur."""
    if not call.matches:
        return None
    match = call.matches[0]
    pieces = split_at_marks(match.text, match.ranges)
    return Text.assemble(
        (f"{one_line(match.field)}: ", "dim"),
        *((escape_control_characters(text), "bold" if is_marked else "") for text, is_marked in pieces),
    )


def _without(calls: Iterable[CompletionSummary], offset: int) -> Iterable[CompletionSummary]:
    return (call for index, call in enumerate(calls) if index >= offset)
