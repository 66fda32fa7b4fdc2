"""The MCP server on the standard input and output of its process, as agents start it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
from mcp.server.stdio import stdio_server

from log10_trace.client import Log10
from log10_trace.mcp.server import make_server


def serve_stdio(connect: Callable[[], Log10], max_characters: int) -> None:
    """Answer until the standard input ends. Nothing but the protocol goes to the standard output."""
    # A new client for each question: this user's own server may come back at another port.
    server = make_server(lambda _: connect(), max_characters)

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    with _ending_on_interrupt():
        anyio.run(run)


@contextmanager
def _ending_on_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process at once: the thread that reads the standard input cannot be interrupted."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
