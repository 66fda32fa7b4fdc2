"""The MCP server and the package's own client, against one real server with an organization for each test."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult, TextContent

from log10_trace import Log10
from log10_trace.mcp.server import make_server
from tests.cli.conftest import Cli, cli, new_cli, served, warm, within

__all__ = ["cli", "new_cli", "served", "warm", "within"]

Result = TypeVar("Result")
READ_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Asked:
    """The answer of a tool."""

    text: str
    structured: Any
    is_error: bool

    @property
    def recorded(self) -> Any:
        """What the answer holds of records."""
        return self.structured["recorded"]


def read_result(result: CallToolResult) -> Asked:
    """The answer that a result holds."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return Asked(block.text, result.structured_content, result.is_error)


def run_with(client: Client, do: Callable[[Client], Awaitable[Result]]) -> Result:
    """What ``do`` gives with the connected client."""

    async def run() -> Result:
        async with client:
            return await do(client)

    return anyio.run(run)


def stdio_client_of(cli: Cli, *words: str, **variables: str) -> Client:
    """A client that starts ``log10-trace mcp`` as a process and talks to it."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "log10_trace", "mcp", *words],
        env={**cli.environ, **variables},
    )
    return Client(parameters, read_timeout_seconds=READ_TIMEOUT_S)


@pytest.fixture
def ask(cli: Cli) -> Callable[..., Asked]:
    """Asks a tool of a server in this process, through the protocol."""

    def ask_tool(tool: str, max_default: int = 20_000, /, **arguments: Any) -> Asked:
        server = make_server(lambda _: Log10(server_url=cli.url, log10_token=cli.token), max_default)

        async def call(client: Client) -> Asked:
            return read_result(await client.call_tool(tool, arguments))

        return run_with(Client(server, read_timeout_seconds=READ_TIMEOUT_S), call)

    return ask_tool
