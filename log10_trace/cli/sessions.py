"""``log10-trace sessions``: list sessions and look into one."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.completions.list_ import Columns, show
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Json, Limit, Server, expand_option_groups
from log10_trace.cli.output import (
    Column,
    count,
    count_noun,
    dollars,
    moment_of,
    numeric_column,
    one_line,
    relative_time,
    show_json,
    show_rows,
    stderr_console,
)
from log10_trace.cli.reference_command import ReferenceCommand
from log10_trace.cli.session_story import show_story
from log10_trace.questions.references import find_session_id

group = typer.Typer(
    help="List sessions and show one.",
    epilog="""[bold]Examples[/bold]

  log10-trace sessions list -n 5

  log10-trace sessions list --since 1h --tag checkout -q "refund"

  log10-trace sessions show ID""",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(group, name="sessions")

COLUMNS: Final = (
    Column(title="ID", cell=lambda session: session.id or ""),
    Column(
        title="LAST CALL",
        cell=lambda session: session.last_at or "",
        brief=lambda session: relative_time(moment_of(session.last_at)),
    ),
    numeric_column("CALLS", lambda session: session.calls, count),
    numeric_column("FAILED", lambda session: session.failed, count),
    numeric_column("IN", lambda session: session.input_tokens, count),
    numeric_column("OUT", lambda session: session.output_tokens, count),
    numeric_column("COST", lambda session: session.cost, dollars),
)


@group.command("list", cls=OnceCommand)
@expand_option_groups
def list_(
    *,
    which: CompletionFilterOptions,
    server: Server,
    limit: Limit = 25,
    json: Json = False,
) -> None:
    """List sessions with a matching call, the one with the latest call first."""
    filters = which.filters()
    with server.client() as client:
        sessions = client.sessions.list(limit=limit, **filters)
        if not json:
            show_rows(COLUMNS, sessions, empty="No such sessions." if filters else "No sessions yet.")
            return
        for session in sessions:
            show_json(session)


@group.command("show", cls=ReferenceCommand)
@expand_option_groups
def show_(
    session_id: Annotated[str, typer.Argument(help="The session's id, or latest, -2.")],
    *,
    server: Server,
    limit: Limit = 100,
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Show a session as a story: its calls in time, and what each of them added.

    With --columns its calls are a table.
    """
    with server.client() as client:
        session = client.sessions.get(session_id=find_session_id(client, session_id)).session
        if columns is None and not json:
            show_story(client, session, limit)
            return
        if not json:
            cost = f", {dollars(session.cost)}" if session.cost is not None else ""
            failed = f", {count(session.failed)} of them failed" if session.failed else ""
            stderr_console.print(
                one_line(f"Session {session.id}: {count_noun(session.calls or 0, 'call')}{failed}{cost}")
            )
        calls = client.completions.list(session_id=session.id, limit=limit, order="oldest")
        show(calls, columns, as_json=json)
