"""``log10-trace`` without a command: the newest calls and what to type next, or how to start a server."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from log10_trace import config, local_server
from log10_trace.cli.completions.list_ import show
from log10_trace.cli.options import Server
from log10_trace.cli.output import console, show_text

_SHOWN: Final = 10
_WIDTH: Final = 36
"""Of a command in a hint."""
_NO_SERVER: Final = (
    ("log10-trace serve", "start the server for your programs"),
    ("log10-trace demo", "see six real calls arrive"),
    ("log10-trace --help", "all commands"),
)
_NO_CALLS: Final = (
    ("import log10_trace; log10_trace.patch()", "record the calls of your program"),
    ("log10-trace demo", "see six real calls arrive"),
    ("log10-trace doctor", "why no records arrive"),
)
_NEXT: Final = (
    ("log10-trace completions get latest", "one call, whole; also by its ID or -2"),
    ("log10-trace ls --status failed -l", "failures, with their call sites"),
    ("log10-trace stats --since 7d", "what each model costs"),
)


def show_start() -> None:
    """Show the newest calls, and what to type next.

    Raises:
        Log10Error: the server that is named does not answer, or rejects the key.
    """
    if config.resolve({}).url is None and local_server.discover() is None:
        console.print("No server runs here yet.\n")
        _show_hints(_NO_SERVER)
        return
    with Server().client() as client:
        calls = list(client.completions.list(limit=_SHOWN))
    if calls:
        show(calls, None, as_json=False)
    if not console.is_terminal:
        return
    console.print("" if calls else "There are no calls yet.\n")
    _show_hints(_NEXT if calls else _NO_CALLS)


def _show_hints(hints: tuple[tuple[str, str], ...]) -> None:
    for command, purpose in hints:
        show_text(Text.assemble((f"{command:<{_WIDTH}}", "bold"), f"  {purpose}"), indent=2)
