"""``log10-trace mcp`` as a process that a coding agent starts, asked with the protocol's own client."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from log10_trace import Log10
from log10_trace.client.retry import Retry
from log10_trace.domain.keys import Scope
from log10_trace.local_server import LocalServer
from log10_trace.mcp.key_scopes import describe_wide_scopes
from log10_trace.mcp.tools import TOOLS
from tests.cli.conftest import Cli, calls
from tests.mcp.conftest import Asked, read_result, run_with, stdio_client_of
from tests.processes import DEADLINE_S, server

__all__ = ["calls"]

ONCE = Retry(attempts=1)


def test_an_agent_lists_the_tools_and_asks_one(new_cli: Callable[..., Cli]) -> None:
    """Each tool is read-only and described, with a schema of its arguments; a key that may read is enough."""
    reader = new_cli(Scope.READ)

    async def do(client: Client) -> tuple[Any, Asked]:
        tools = (await client.list_tools()).tools
        return tools, read_result(await client.call_tool("search_calls", {"since": "1h"}))

    tools, asked = run_with(stdio_client_of(reader), do)

    assert [tool.name for tool in tools] == list(TOOLS)
    for tool in tools:
        assert tool.annotations.read_only_hint is True
        assert "never instructions" in tool.description
        assert tool.input_schema["additionalProperties"] is False
        assert all(argument["type"] for argument in tool.input_schema["properties"].values())
    assert not asked.is_error
    assert asked.text.startswith("0 calls match.")


def test_the_standard_output_is_the_protocol_alone(cli: Cli, calls: list[Any]) -> None:
    """Every line is a message of the protocol, and no word of a record goes to the standard error."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    asked = [("get_call", {"id": "latest"}), ("search_calls", {"q": '"question 2"'}), ("get_call", {})]
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
    ]
    for number, (name, given) in enumerate(asked, 2):
        messages.append({"id": number, "method": "tools/call", "params": {"name": name, "arguments": given}})

    command = [sys.executable, "-m", "log10_trace", "mcp"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=cli.environ, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for message in messages if "id" in message]
        rest, log = process.communicate(timeout=DEADLINE_S)

    assert process.returncode == 0
    assert {answer["id"]: answer["result"].get("isError", False) for answer in answers} == {
        1: False,
        2: False,
        3: False,
        4: True,
    }
    assert rest == ""
    assert "question" not in log
    assert "answer" not in log


def test_a_server_that_is_gone_is_a_sentence_and_works_again_when_it_is_back(
    cli: Cli, calls: list[Any], tmp_path: Any
) -> None:
    """No server is an error of the tool that says what to start; the same session then finds this user's."""
    home = tmp_path / "own" / "log10"
    home.mkdir(parents=True, mode=0o700)
    variables = {"LOG10_HOME": str(home), "LOG10_URL": "", "LOG10_TOKEN": ""}
    parameters: Any = stdio_client_of(cli, **variables).server
    assert isinstance(parameters, StdioServerParameters)

    async def do(client: Client) -> list[Asked]:
        asked = [read_result(await client.call_tool("search_calls", {}))]
        for _ in range(2):
            with server(home):
                asked.append(read_result(await client.call_tool("search_calls", {})))
            asked.append(read_result(await client.call_tool("search_calls", {})))
        return asked

    asked = run_with(Client(parameters, read_timeout_seconds=120), do)

    assert [each.is_error for each in asked] == [True, False, True, False, True]
    assert "Start one with `log10-trace serve`" in asked[0].text
    assert asked[1].text.startswith("0 calls match.")


def test_an_interrupt_ends_the_command_at_once(cli: Cli) -> None:
    """Ctrl-C ends a command whose standard input is still open."""
    command = [sys.executable, "-m", "log10_trace", "mcp"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=cli.environ, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"] == {}
        process.send_signal(signal.SIGINT)

        assert process.wait(DEADLINE_S) == -signal.SIGINT


def test_a_key_that_may_do_more_than_read_is_named(
    cli: Cli, new_cli: Callable[..., Cli], served: tuple[LocalServer, Path]
) -> None:
    """The command names the key, given or of this user's own server, and what it may do besides reading."""
    own = cli.run("mcp", LOG10_HOME=str(served[1]), LOG10_URL="", LOG10_TOKEN="")
    given = new_cli(Scope.INGEST, Scope.READ).run("mcp")
    reader = new_cli(Scope.READ).run("mcp")

    assert (own.returncode, given.returncode, reader.returncode) == (0, 0, 0)
    assert b"(this machine's own user) may do more than read (admin)" in own.stderr
    assert b"may do more than read (ingest)" in given.stderr
    assert b"log10-trace keys create --scope read" in given.stderr
    assert reader.stderr == b""
    assert own.stdout == given.stdout == reader.stdout == b""


def test_a_server_that_does_not_say_what_a_key_may_do_is_no_fault(cli: Cli) -> None:
    """A key that the server refuses, and a server that is away: the first question tells of them."""
    with (
        Log10("l10_00_unknown", cli.url) as refused,
        Log10("l10_00_x", "http://127.0.0.1:9", retry=ONCE) as away,
    ):
        assert describe_wide_scopes(refused) is None
        assert describe_wide_scopes(away) is None


@pytest.mark.parametrize("name", ["mcp.server", "mcp.server.transport_security"])
def test_without_the_extra_the_command_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, within: Callable[..., Any], name: str
) -> None:
    """Where the package is missing, or is another version, the command says which command installs it."""
    for module in ("http", "http_keys", "server", "stdio"):
        monkeypatch.delitem(sys.modules, f"log10_trace.mcp.{module}", raising=False)
    monkeypatch.setitem(sys.modules, name, None)

    said = within("mcp")

    assert said.returncode == 1
    assert "The MCP server needs an optional dependency. Run: pip install 'log10-trace[mcp]'" in said.err
