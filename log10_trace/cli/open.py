"""``log10-trace open``: a page in the browser, signed in with a one-time code, without the key."""

from __future__ import annotations

import os
import sys
import webbrowser
from typing import Annotated, Final
from urllib.parse import urlencode

import typer

from log10_trace.cli.app import app
from log10_trace.cli.call_reference import resolve_id
from log10_trace.cli.options import Server, expand_option_groups
from log10_trace.cli.output import print_line, stderr_console
from log10_trace.cli.reference_command import ReferenceCommand
from log10_trace.client import Log10
from log10_trace.domain.page_paths import HOME, call_path, session_path
from log10_trace.errors import NotFoundError

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace open

  log10-trace open latest

  log10-trace open --session 01900000-0000-7000-8000-000000000000 --print"""


@app.command("open", cls=ReferenceCommand, epilog=EXAMPLES)
@expand_option_groups
def open_page(
    completion_id: Annotated[
        str | None,
        typer.Argument(help="Its id or a part of it, latest, -2; without it the list.", show_default=False),
    ] = None,
    *,
    session: Annotated[str | None, typer.Option("--session", help="A session's id.")] = None,
    print_address: Annotated[
        bool, typer.Option("--print", "--no-browser", help="Print the address, and open no browser.")
    ] = False,
    server: Server,
) -> None:
    """Open the list of calls, a call or a session in the browser, signed in.

    The address signs one browser in, once, within 15 minutes, with what
    your key may do; the key is not in it. Where there is no browser the
    address is printed. BROWSER names another one: BROWSER=firefox.
    """
    if completion_id is not None and session is not None:
        message = "Give a call's id or --session, not both."
        raise typer.BadParameter(message, param_hint="--session")
    with server.client() as client:
        path = _find_page(client, completion_id, session)
        address = _sign_in_address(client, path)
    if not print_address and _open_browser(address):
        stderr_console.print(f"Opened {client.server_url.rstrip('/')}{path}", soft_wrap=True)
        return
    if not print_address:
        stderr_console.print("No browser can be opened here. Open this address, which signs you in once:")
    print_line(address)


def _find_page(client: Log10, completion_id: str | None, session_id: str | None) -> str:
    """The path of the page that is meant.

    Raises:
        Log10Error: there is no such call or session.
    """
    if session_id is not None:
        client.sessions.get(session_id=session_id)
        return session_path(session_id)
    if completion_id is None:
        return HOME
    found = client.completions.get(completion_id=resolve_id(client, completion_id)).completion
    return call_path(found.id or completion_id)


def _sign_in_address(client: Log10, path: str) -> str:
    """The address that signs a browser in and leads to the page; on an older server the page's own."""
    url = client.server_url.rstrip("/")
    try:
        code = client.login_codes.create().login_code.code
    except NotFoundError:
        stderr_console.print("This server is older and makes no codes to sign in with: it may ask for a key.")
        return f"{url}{path}"
    return f"{url}/login?{urlencode({'code': code, 'next': path})}"


def _open_browser(address: str) -> bool:
    """Whether a browser took the address; one that draws in the terminal is taken only when it is named."""
    names = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in names):
        return False
    try:
        return webbrowser.open(address)
    except (webbrowser.Error, ValueError):  # the second where BROWSER has a quotation mark too many
        return False
