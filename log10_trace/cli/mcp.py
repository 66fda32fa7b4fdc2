"""``log10-trace mcp``: the MCP server with which coding agents ask about recorded calls."""

from __future__ import annotations

import importlib.util
from typing import Annotated, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Server, expand_option_groups
from log10_trace.errors import MissingExtraError

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace mcp

  log10-trace mcp --max-characters 50000"""


@app.command(cls=OnceCommand, epilog=EXAMPLES)
@expand_option_groups
def mcp(
    *,
    max_characters: Annotated[
        int,
        typer.Option(
            min=2_000, max=100_000, help="Largest size of an answer, unless the question names another."
        ),
    ] = 20_000,
    server: Server,
) -> None:
    """Answer the questions of coding agents about recorded calls (Model Context Protocol).

    An agent starts this command and talks to it over standard input and output. It only reads: a key with
    the scope read is enough.
    """
    if importlib.util.find_spec("mcp") is None:
        raise MissingExtraError("The MCP server", "mcp")
    from log10_trace.mcp.stdio import serve_stdio  # noqa: PLC0415 -- needs the optional extra

    server.client().close()
    serve_stdio(server.client, max_characters)
