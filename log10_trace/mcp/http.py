"""The MCP server over streamable HTTP, for agents that do not start it themselves."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

import anyio
import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from log10_trace.client import Log10
from log10_trace.errors import SetupError
from log10_trace.mcp.http_keys import KEY, AsgiApp, RequireKey
from log10_trace.mcp.server import make_server

PATH: Final = "/mcp"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_BACKLOG: Final = 128
_GRACE_S: Final = 2
"""For answers that are on their way when the server is stopped."""


def make_app(
    connect: Callable[[str | None], Log10],
    max_characters: int,
    hosts: Sequence[str],
    warn: Callable[[str], None],
) -> AsgiApp:
    """The application; ``hosts`` are the values of ``Host`` under which it answers.

    ``warn`` is told of each key that may do more than read.
    """
    server = make_server(lambda context: connect(_key_of(context)), max_characters)
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        transport_security=TransportSecuritySettings(
            allowed_hosts=list(hosts),
            allowed_origins=[f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts],
        ),
    )
    return RequireKey(app, connect, warn)


def _key_of(context: Any) -> str | None:
    key: str | None = context.request.scope[KEY]
    return key


def serve_http(
    connect: Callable[[str | None], Log10],
    max_characters: int,
    *,
    host: str,
    port: int,
    allowed_hosts: Sequence[str],
    warn: Callable[[str], None],
    ready: Callable[[str], None],
) -> None:
    """Answer until Ctrl-C or SIGTERM; ``ready`` is called with the address once it listens.

    Raises:
        SetupError: the address cannot be listened on.
    """
    with _listen(host, port) as listening:
        port = listening.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        named = [*_LOOPBACK, name, *allowed_hosts]
        hosts = dict.fromkeys([*allowed_hosts, *(f"{each}:{port}" for each in named)])
        app = make_app(connect, max_characters, list(hosts), warn)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
        )
        ready(f"http://{name}:{port}{PATH}")
        anyio.run(lambda: uvicorn.Server(config).serve(sockets=[listening]))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        message = f"{host}:{port} cannot be listened on: {error.strerror or error}. Use another --port."
        raise SetupError(message) from None
    return listening
