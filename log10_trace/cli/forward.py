"""``log10-trace forward``: calls of a server to an OpenTelemetry back end, as spans."""

from __future__ import annotations

import importlib
from typing import Annotated, Final

import typer

from log10_trace.cli import exit_codes
from log10_trace.cli.app import app
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Json, Server, expand_option_groups
from log10_trace.otlp.endpoint import parse_headers, parse_url

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace forward --to http://127.0.0.1:4318

  log10-trace forward --to https://otlp.example.com --header api-key=secret --since 7d

  log10-trace forward --to http://127.0.0.1:6006 --content --follow"""


def _parse_url(value: str) -> str:
    try:
        return parse_url(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r} cannot be used: {error}.") from None


def _parse_headers(values: list[str] | None) -> dict[str, str]:
    pairs = [value.partition("=") for value in values or ()]
    if not all(equals for _, equals, _ in pairs):
        raise typer.BadParameter("A header is NAME=VALUE.", param_hint="--header")
    try:
        return parse_headers({name.strip(): text.strip() for name, _, text in pairs})
    except ValueError as error:
        # Without the values: they are keys.
        raise typer.BadParameter(f"It cannot be used: {error}.", param_hint="--header") from None


@app.command(epilog=EXAMPLES, cls=OnceCommand)
@expand_option_groups
def forward(
    *,
    which: CompletionFilterOptions,
    server: Server,
    to: Annotated[
        str,
        typer.Option(
            "--to", help="URL of the OTLP endpoint, with or without /v1/traces.", callback=_parse_url
        ),
    ],
    header: Annotated[
        list[str] | None, typer.Option("--header", help="A header of every request: NAME=VALUE. Repeatable.")
    ] = None,
    content: Annotated[
        bool, typer.Option("--content", help="Send requests, responses and tools as well.")
    ] = False,
    traced: Annotated[
        bool,
        typer.Option("--traced", help="Send calls that another instrumentation has a span of as well."),
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Send what was sent before as well.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(help="Polling interval in seconds.", min=0.05)] = 2.0,
    json: Json = False,
) -> None:
    """Send calls to an OpenTelemetry back end as spans, the oldest first, without those that were sent."""
    headers = _parse_headers(header)
    running = importlib.import_module("log10_trace.cli.forward_run")
    options = running.ForwardOptions(
        url=to,
        headers=headers,
        content=content,
        traced=traced,
        again=again,
        follow=follow,
        interval=interval,
        json=json,
    )
    with server.client() as client:
        counts = running.run_forward(client, which.filters(), options)
    if counts.refused:
        raise typer.Exit(exit_codes.FAILED)
