"""The MCP server over streamable HTTP, in a process of its own: keys, hosts, origins and sessions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import anyio
import httpx
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from log10_trace.domain.keys import Scope
from tests.cli.conftest import Cli, calls
from tests.mcp.conftest import READ_TIMEOUT_S, Asked, read_result
from tests.processes import DEADLINE_S

__all__ = ["calls"]

HELLO: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"},
    },
}
ACCEPT: Final = {"Accept": "application/json, text/event-stream"}


@contextmanager
def served_over_http(cli: Cli, *words: str, stderr: IO[str] | None = None) -> Iterator[str]:
    """The address of ``log10-trace mcp --http`` on a free port, while the block runs."""
    command = [sys.executable, "-m", "log10_trace", "mcp", "--http", "--port", "0", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=cli.environ
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.startswith("MCP server at "), said
            yield said.removeprefix("MCP server at ").strip()
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def ask_over_http(address: str, key: str, tool: str) -> Asked:
    """The answer of a tool to the package's own client, with a key."""

    async def run() -> Asked:
        async with create_mcp_http_client(headers={"Authorization": f"Bearer {key}"}) as http:
            transport = streamable_http_client(address, http_client=http)
            async with Client(transport, read_timeout_seconds=READ_TIMEOUT_S) as client:
                return read_result(await client.call_tool(tool, {}))

    return anyio.run(run)


def post(address: str, message: Any = HELLO, **headers: str) -> httpx.Response:
    """The answer to a message of the protocol."""
    return httpx.post(
        address, json=message, headers={**ACCEPT, **headers}, timeout=DEADLINE_S, trust_env=False
    )


def test_an_agent_asks_over_http_with_its_own_key(
    cli: Cli, new_cli: Callable[..., Cli], calls: list[Any], tmp_path: Path
) -> None:
    """Each key sees the records of its organization; the one that may do more than read is named once."""
    other = new_cli(Scope.READ)

    with (tmp_path / "log").open("w") as log, served_over_http(cli, stderr=log) as address:
        own = ask_over_http(address, cli.token, "search_calls")
        others = ask_over_http(address, other.token, "search_calls")

    (warning,) = (tmp_path / "log").read_text().splitlines()
    assert own.text.startswith("6 calls match;")
    assert others.text.startswith("0 calls match.")
    assert "(tests) may do more than read (ingest, feedback, admin)" in warning


def test_requests_without_a_good_key_are_refused(cli: Cli, new_cli: Callable[..., Cli]) -> None:
    """No key, a wrong key and a key that may not read; the process's own key stands in for none of them."""
    writer = new_cli(Scope.INGEST)

    with served_over_http(cli) as address:
        nothing = post(address)
        wrong = post(address, Authorization="Bearer l10_0000_wrong")
        blind = post(address, **{"X-Log10-Token": writer.token})
        good = post(address, **{"X-Log10-Token": cli.token})

    assert [answer.status_code for answer in (nothing, wrong, blind, good)] == [401, 401, 403, 200]
    assert nothing.headers["www-authenticate"] == "Bearer"
    assert "log10-trace keys create --scope read" in nothing.json()["error"]
    assert "scope read" in blind.json()["error"]


def test_other_hosts_and_origins_are_refused(cli: Cli) -> None:
    """A page that was led here by DNS, or that posts across sites, gets nothing, even with a key."""
    with served_over_http(cli, "--allow-host", "tools.example") as address:
        port = httpx.URL(address).port
        key = {"Authorization": f"Bearer {cli.token}"}
        answers = {
            name: post(address, **key, **headers).status_code
            for name, headers in {
                "own": {},
                "own origin": {"Origin": f"http://localhost:{port}", "Host": f"localhost:{port}"},
                "allowed": {"Host": "tools.example"},
                "other host": {"Host": "evil.example"},
                "other port": {"Host": f"127.0.0.1:{(port or 0) + 1}"},
                "other origin": {"Origin": "http://evil.example"},
                "null origin": {"Origin": "null"},
            }.items()
        }

    assert answers == {
        "own": 200,
        "own origin": 200,
        "allowed": 200,
        "other host": 421,
        "other port": 421,
        "other origin": 403,
        "null origin": 403,
    }


def test_a_session_is_its_keys_own(cli: Cli, new_cli: Callable[..., Cli]) -> None:
    """Another key cannot use a session, and a session that is unknown or ended is 404."""
    key = {"Authorization": f"Bearer {cli.token}"}
    other = {"Authorization": f"Bearer {new_cli(Scope.READ).token}"}
    tools = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    with served_over_http(cli) as address:
        session = {"Mcp-Session-Id": post(address, **key).headers["mcp-session-id"]}
        own = post(address, tools, **key, **session)
        foreign = post(address, tools, **other, **session)
        unknown = post(address, tools, **key, **{"Mcp-Session-Id": "0" * 32})
        ended = httpx.delete(
            address, headers={**ACCEPT, **key, **session}, trust_env=False, timeout=DEADLINE_S
        )
        after = post(address, tools, **key, **session)

    assert [each.status_code for each in (own, foreign, unknown, ended, after)] == [200, 404, 404, 200, 404]
    assert len(own.json()["result"]["tools"]) == 7


def test_a_port_without_http_is_a_usage_error(within: Callable[..., Any]) -> None:
    """An option that would do nothing is named."""
    said = within("mcp", "--port", "4681")

    assert said.returncode == 2
    assert "--host, --port and --allow-host go with --http." in said.err


def test_a_port_in_use_is_one_sentence(cli: Cli, within: Callable[..., Any]) -> None:
    """The command says which address is taken and what to do."""
    with served_over_http(cli) as address:
        said = within("mcp", "--http", "--port", str(httpx.URL(address).port))

    assert said.returncode == 1
    assert f"127.0.0.1:{httpx.URL(address).port} cannot be listened on" in said.err
    assert "Use another --port." in said.err
