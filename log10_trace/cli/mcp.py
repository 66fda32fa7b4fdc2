"""``log10-trace mcp``: the MCP server with which coding agents ask about recorded calls."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Server, expand_option_groups
from log10_trace.cli.output import stderr_console
from log10_trace.cli.standard_streams import announce
from log10_trace.client import Log10
from log10_trace.client.retry import Retry
from log10_trace.errors import MissingExtraError
from log10_trace.mcp.arguments import DEFAULT_CHARACTERS, MAX_CHARACTERS, MIN_CHARACTERS

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 4681
_SCOPES_TIMEOUT_S: Final = 2.0
"""The agent waits for the command meanwhile, which then only lacks a warning."""
EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace mcp

  log10-trace mcp --http --port 4681"""


@app.command(cls=OnceCommand, epilog=EXAMPLES)
@expand_option_groups
def mcp(
    *,
    http: Annotated[
        bool, typer.Option("--http", help="Listen for streamable HTTP instead; each request brings a key.")
    ] = False,
    host: Annotated[
        str | None, typer.Option(help="With --http: the address to listen on.", show_default=DEFAULT_HOST)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="With --http: the port; 0 takes a free one.",
            show_default=str(DEFAULT_PORT),
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="With --http: an additional allowed host name; repeatable.")
    ] = None,
    max_characters: Annotated[
        int,
        typer.Option(
            min=MIN_CHARACTERS,
            max=MAX_CHARACTERS,
            help="Largest size of an answer, unless the question names another.",
        ),
    ] = DEFAULT_CHARACTERS,
    server: Server,
) -> None:
    """Answer the questions of coding agents about recorded calls (Model Context Protocol).

    An agent starts this command and talks to it over standard input and output. It only reads: a key with
    the scope read is enough. With --http it listens on this machine instead, and passes the key of each
    request on to the server.
    """
    if not http and (host is not None or port is not None or allow_host):
        message = "--host, --port and --allow-host go with --http."
        raise typer.BadParameter(message)
    try:
        from log10_trace.mcp.http import serve_http  # noqa: PLC0415 -- needs the optional extra
        from log10_trace.mcp.key_scopes import describe_wide_scopes  # noqa: PLC0415 -- as above
        from log10_trace.mcp.stdio import serve_stdio  # noqa: PLC0415 -- as above
    except ImportError as error:  # also that of a version without what is imported
        raise MissingExtraError("The MCP server", "mcp") from error
    server.client().close()  # a setting that cannot be used ends the command, not the first question
    if not http:
        with Log10(
            server.token,
            server.url,
            server.organization,
            timeout=_SCOPES_TIMEOUT_S,
            retry=Retry(attempts=1),
        ) as client:
            if warning := describe_wide_scopes(client):
                _warn(warning)
        serve_stdio(server.client, max_characters)
        return

    def connect(key: str | None) -> Log10:
        # A function: without a key there is none, not that of this machine's user.
        return Log10(lambda: key, server.url, server.organization)

    serve_http(
        connect,
        max_characters,
        host=host or DEFAULT_HOST,
        port=DEFAULT_PORT if port is None else port,
        allowed_hosts=allow_host or [],
        warn=_warn,
        ready=lambda address: announce(f"MCP server at {address}"),
    )


def _warn(message: str) -> None:
    stderr_console.print(message, soft_wrap=True)
