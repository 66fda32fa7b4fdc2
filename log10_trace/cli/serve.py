"""``log10-trace serve``: the completions API, its database and its page, on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.database import Database, Organization, resolve_database
from log10_trace.cli.listening import LOOPBACK, Host, Log, LogLevel, Port, requiring_server_extra
from log10_trace.cli.standard_streams import announce
from log10_trace.guard import guard

DEFAULT_PORT = 4680


EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace serve

  log10-trace serve --port 0 --database calls.db

  log10-trace serve --host 0.0.0.0 --database postgresql://user@host/log10

  log10-trace serve --allow-host tools.example --root-path /log10"""


@app.command(epilog=EXAMPLES)
def serve(
    *,
    host: Host = LOOPBACK,
    port: Port = DEFAULT_PORT,
    database: Database = None,
    organization: Organization = "default",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Additional allowed host name; repeatable.")
    ] = None,
    root_path: Annotated[
        str, typer.Option(help="Path prefix that a reverse proxy adds, such as /log10.")
    ] = "",
    forwarded_allow_ips: Annotated[
        str | None,
        typer.Option(
            envvar="FORWARDED_ALLOW_IPS",
            help="Proxies whose X-Forwarded-Proto, -Host, -For and -Prefix are read: addresses and networks "
            "with commas, or *.",
            show_default="127.0.0.1,::1",
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", help="Disable authentication: everyone who reaches the port sees everything."
        ),
    ] = False,
    prices: Annotated[
        Path | None,
        typer.Option(
            envvar="LOG10_PRICES",
            help="Prices of yours: a JSON file in the format of the package's own, which has the rest.",
        ),
    ] = None,
    log_level: Log = LogLevel.INFO,
) -> None:
    """Run the completions API, its database and its web page.

    Listens on this machine only, unless --host is given. The first start makes a key, which programs and
    commands of the same user find by themselves, and prints an address that opens the page. SIGUSR1 prints
    another: kill -USR1 PID.
    """
    with requiring_server_extra("The server"):
        from log10_trace.server.running import run  # noqa: PLC0415 -- needs the optional extra
    settings = run.Settings(
        host=host,
        port=port,
        database=resolve_database(database),
        organization_id=organization,
        allowed_hosts=tuple(allow_host or ()),
        insecure=insecure,
        root_path=root_path,
        forwarded_allow_ips=forwarded_allow_ips,
        log_level=log_level.value,
        prices=prices,
    )
    with _adopting_once_ready() as ready:
        run.serve(settings, print_line=announce, ready=ready)


@contextmanager
def _adopting_once_ready() -> Iterator[Callable[[], None]]:
    """What to call once the server listens, so that it takes over what dead processes left for it.

    On a thread of its own: what delivery imports takes as long as the rest of the server's start.
    """
    beside = ExitStack()

    def adopt() -> None:
        with guard("recovering the records of dead processes"):
            from log10_trace.export.delivery.recovery import recover_spool  # noqa: PLC0415 -- see above

            beside.enter_context(recover_spool())

    thread = threading.Thread(target=adopt, name="log10-adoption")
    try:
        yield thread.start
    finally:
        if thread.ident is not None:
            thread.join()
        beside.close()
