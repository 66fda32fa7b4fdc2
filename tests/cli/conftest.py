"""The commands as processes, against one real server; every test has an organization of its own on it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from log10_trace import Log10
from log10_trace.cli import app
from log10_trace.domain.keys import Scope, make_key
from log10_trace.local_server import LocalServer
from log10_trace.server.store import open_store
from tests.processes import DEADLINE_S, server
from tests.warm_commands import Forked, WarmCommands

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalServer, Path]]:
    """A real server, and its home, for all tests of the command line."""
    home = tmp_path_factory.mktemp("served") / "log10"
    home.mkdir(mode=0o700)
    with server(home) as running:
        yield running, home


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmCommands]:
    """Forks commands that have their imports behind them."""
    with closing(WarmCommands()) as commands:
        yield commands


@dataclass(frozen=True)
class Screen:
    """What a command drew on a terminal, without colours, and how it ended."""

    text: str
    raw: str
    returncode: int


@dataclass(frozen=True)
class Cli:
    """The command line with a key of an organization that nobody else uses."""

    url: str
    token: str
    environ: Mapping[str, str]
    organization: str = ""
    warm: WarmCommands | None = None

    def run(
        self, *words: str, stdin: str | bytes = b"", **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end, in pipes."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        environ = {**self.environ, **variables}
        if self.warm is not None and self.warm.can_run(environ):
            return self.warm.run(words, environ, given, DEADLINE_S)
        return subprocess.run(
            self._command(words),
            input=given,
            capture_output=True,
            env=environ,
            timeout=DEADLINE_S,
            check=False,
        )

    def text(self, *words: str, **variables: str) -> str:
        """The output of a command that succeeds."""
        done = self.run(*words, **variables)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def rows(self, *words: str, **variables: str) -> list[dict[str, Any]]:
        """The JSON lines that a command writes."""
        return [json.loads(line) for line in self.text(*words, **variables).splitlines()]

    def screen(
        self,
        *words: str,
        width: int = 100,
        keys: Mapping[str, str] | None = None,
        until: str | None = None,
        **variables: str,
    ) -> Screen:
        """Run a command on a terminal; ``keys`` are pressed when the text they stand for appears.

        With ``until`` the command is interrupted with Ctrl-C once that text has appeared.
        """
        leader, follower = pty.openpty()
        terminal = {"TERM": "xterm-256color", "COLUMNS": str(width), "LINES": "50"}
        process = self._start(words, {**self.environ, **terminal, **variables}, os.ttyname(follower))
        try:
            # Held open until the command draws: a terminal that nobody has open is at its end.
            select.select([leader], [], [], DEADLINE_S)
            os.close(follower)
            raw = _conversed(leader, dict(keys or {}) | ({until: "\x03"} if until else {}))
            return Screen(ESCAPES.sub("", raw), raw, process.wait(DEADLINE_S))
        finally:
            os.close(leader)
            if process.poll() is None:
                process.kill()
                process.wait()

    def client(self) -> Log10:
        """A client of the same organization."""
        return Log10(server_url=self.url, log10_token=self.token)

    def _start(
        self, words: tuple[str, ...], environ: Mapping[str, str], terminal: str
    ) -> subprocess.Popen[bytes] | Forked:
        if self.warm is not None and self.warm.can_run(environ):
            return self.warm.start(words, environ, terminal=terminal)
        # The first terminal that the leader of a new session opens is its own: Ctrl-C goes to it.
        opened = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', terminal, *self._command(words)]
        return subprocess.Popen(opened, env=environ, start_new_session=True)

    @staticmethod
    def _command(words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "log10_trace", *words]


def _conversed(leader: int, keys: dict[str, str]) -> str:
    """Everything that was drawn; each key is pressed once, in order, when its text has come."""
    drawn = ""
    searched = 0
    waiting = list(keys.items())
    give_up = time.monotonic() + DEADLINE_S
    while time.monotonic() < give_up:
        if not select.select([leader], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the process has ended and its terminal is gone
            return drawn
        if not piece:
            return drawn
        drawn += piece.decode("utf-8", "replace")
        while waiting and (at := drawn.find(waiting[0][0], searched)) >= 0:
            searched = at + len(waiting[0][0])
            os.write(leader, waiting.pop(0)[1].encode())
    raise AssertionError(f"the command neither ended nor said what was awaited: {drawn!r}")


@pytest.fixture
def new_cli(served: tuple[LocalServer, Path], private_home: Path, warm: WarmCommands) -> Callable[..., Cli]:
    """Makes command lines, each for an organization of its own."""
    running, home = served

    def make(*scopes: Scope, organization: str = "") -> Cli:
        organization = organization or f"org-{uuid.uuid4()}"
        token, key = make_key(
            organization, scopes or list(Scope), name="tests", now_ms=time.time_ns() // 1_000_000
        )
        with closing(open_store(home / "completions.db")) as store:
            store.keys.add(organization, key).result()
        environ = {**os.environ, "LOG10_URL": running.url, "LOG10_TOKEN": token, "PYTHONWARNINGS": "error"}
        return Cli(running.url, token, environ, organization, warm)

    return make


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    out: str
    err: str
    returncode: int


@pytest.fixture
def within(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Runs a command to its end within this process: for many short ones."""

    def run(*words: str) -> Said:
        for name, value in cli.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["log10-trace", *words])
        returncode = app.run()
        out, err = capsys.readouterr()
        return Said(out, err, returncode)

    return run


@pytest.fixture
def cli(new_cli: Callable[[], Cli]) -> Cli:
    """The command line of one organization."""
    return new_cli()


def call(number: int, **fields: Any) -> dict[str, Any]:
    """A finished chat call; the higher the number, the newer."""
    return {
        "id": f"01900000-0000-7000-8000-{number:012d}",
        "kind": "chat",
        "status": "finished",
        "created_at": f"2026-01-01T00:{number // 60:02d}:{number % 60:02d}Z",
        "tags": ["even" if number % 2 == 0 else "odd"],
        "session_id": f"session-{number % 3}",
        "duration": 0.25,
        "endpoint": "/chat/completions",
        "request": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"question {number}"}]},
        "response": {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": f"answer {number}"},
                }
            ],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        },
        "stacktrace": [{"file": "/app/main.py", "line": "ask()", "lineno": 7, "name": "main"}],
        **fields,
    }


@pytest.fixture
def calls(cli: Cli) -> list[dict[str, Any]]:
    """Six calls that the organization has."""
    made = [call(number) for number in range(6)]
    with cli.client() as client:
        client.completions.batch(completions=made)
    return made
