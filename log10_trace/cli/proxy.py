"""``log10-trace proxy``: passes requests to one model API, and records them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.listening import LOOPBACK, Host, Log, LogLevel, Port, requiring_server_extra
from log10_trace.cli.standard_streams import announce

DEFAULT_PORT: Final = 4681

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace proxy --to https://api.openai.com/v1

  OPENAI_BASE_URL=http://127.0.0.1:4681/v1 node app.js

  log10-trace proxy --to http://127.0.0.1:11434/v1 --port 0"""


@app.command(epilog=EXAMPLES)
def proxy(
    *,
    to: Annotated[str, typer.Option(help="Base URL of the model API, such as https://api.openai.com/v1.")],
    host: Host = LOOPBACK,
    port: Port = DEFAULT_PORT,
    ca: Annotated[
        Path | None,
        typer.Option(
            help="PEM file with the authorities that the API's certificate is verified with.",
            show_default="SSL_CERT_FILE, or certifi's",
        ),
    ] = None,
    connect_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to connect to the API.")] = 10.0,
    read_timeout: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Seconds without a byte from the API that end a call.", show_default="none"
        ),
    ] = None,
    stop_timeout: Annotated[
        float, typer.Option(min=0, help="Seconds that calls under way may take after SIGTERM.")
    ] = 20.0,
    log_level: Log = LogLevel.INFO,
) -> None:
    """Pass requests to one model API, and record them: for programs that patch() does not reach.

    Listens on this machine only, unless --host is given. Bytes pass unchanged both ways; keys pass and are
    never kept. Records are delivered as those of a program: LOG10_URL, LOG10_TAGS and the other variables
    hold here too.
    """
    with requiring_server_extra("The proxy"):
        from log10_trace.proxy import run  # noqa: PLC0415 -- needs the optional extra
    settings = run.Settings(
        to=to,
        host=host,
        port=port,
        ca_file=ca,
        connect_timeout_s=connect_timeout,
        read_timeout_s=read_timeout,
        stop_timeout_s=stop_timeout,
        log_level=log_level.value,
    )
    run.run(settings, print_line=announce)
