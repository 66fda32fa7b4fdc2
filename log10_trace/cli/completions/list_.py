"""``completions list`` and ``completions search``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import typer
from rich.text import Text

from log10_trace.cli.completions.columns import NARROW, USUAL, select_columns
from log10_trace.cli.completions.group import group
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Json, Limit, Server, expand_option_groups
from log10_trace.cli.output import console, escape_control_characters, one_line, show_json, show_rows
from log10_trace.domain.marked_text import split_at_marks
from log10_trace.models.components import CompletionSummary

_ROOMY: Final = 120
"""Characters of width from which the usual columns have room."""

Columns = Annotated[str | None, typer.Option(help="Columns, separated by commas.", show_default=USUAL)]
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
    oldest: Oldest = False,
    json: Json = False,
) -> None:
    """List calls, the newest first."""
    with server.client() as client:
        calls = client.completions.list(
            limit=offset + limit, order="oldest" if oldest else "newest", **which.filters()
        )
        show(_without(calls, offset), columns, as_json=json)


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
    json: Json = False,
) -> None:
    """Search the texts of requests and responses, the newest first; on a terminal with the passages found."""
    filters = which.filters()
    text = " ".join(filter(None, (words, filters.pop("q", None))))
    with server.client() as client:
        show(client.completions.search(text, limit=limit, **filters), columns, as_json=json)


def show(calls: Iterable[CompletionSummary], columns: str | None, *, as_json: bool) -> None:
    """Show calls as a table with these columns, or as JSON."""
    table = select_columns(
        columns or (USUAL if console.width >= _ROOMY or not console.is_terminal else NARROW)
    )
    if not as_json:
        show_rows(table, calls, empty="No such calls.", note=_passage)
        return
    for call in calls:
        show_json(call)


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
