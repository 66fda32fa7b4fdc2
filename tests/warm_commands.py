"""The command line as processes that need not import it: one process has it imported, and forks for each.

A command that starts from nothing imports for half a second; tests run hundreds. One that is forked is a
process like any other, with its own environment, folder, pipes or terminal, signals and exit code.

``python -m tests.warm_commands`` is the process that forks; ``WarmCommands`` starts it and asks it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
SHARED: Final = (
    *("log10_trace.cli.app", "log10_trace.cli.filter_options"),
    *("log10_trace.client", "log10_trace.questions.call_words", "log10_trace.questions.server_prices"),
    *("log10_trace.questions.session_records", "log10_trace.questions.span_comparison"),
    *(
        "log10_trace.domain.session_markdown",
        "log10_trace.server.store",
        "log10_trace.table_files.sqlite_file",
    ),
    *("rich.markdown", "rich.padding", "rich.progress", "rich.table", "typer.rich_utils"),
)
"""What commands import. A command's own module is not among them, for its import registers it; nor is
``log10_trace.cli.output``, whose consoles look at the terminal when they are made."""
READ_AT_START: Final = ("PYTHON", "LC_", "LANG", "LD_", "FORCE_COLOR", "PY_COLORS", "TERMINAL_WIDTH")
"""How variables begin that are read when Python starts or a library is imported, and not again."""


class Forked:
    """A command that runs: as much of ``subprocess.Popen`` as tests need."""

    def __init__(self, reports: int) -> None:
        self._reports = os.fdopen(reports, "rb")
        self.pid = int(self._reports.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code once it has ended, or the negative number of the signal that ended it."""
        if self.returncode is None and select.select([self._reports], [], [], 0)[0]:
            self.returncode = int(self._reports.readline())
            self._reports.close()
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The same, waiting for it to end."""
        if self.returncode is None and not select.select([self._reports], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("log10-trace", timeout)
        code = self.poll()
        assert code is not None
        return code

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class WarmCommands:
    """The process that forks, until it is closed."""

    def __init__(self) -> None:
        """Start it; it imports while the test that asked goes on."""
        self._environ = {**os.environ, "PYTHONWARNINGS": "error"}
        self._requests, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.warm_commands"]
        with other:
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._environ, stdin=other)

    def close(self) -> None:
        """End it."""
        self._requests.close()
        self._process.wait()

    def can_run(self, environ: Mapping[str, str]) -> bool:
        """Whether a forked command does in this environment what one does that starts from nothing."""
        names = [name for name in {**environ, **self._environ} if name.startswith(READ_AT_START)]
        return all(environ.get(name) == self._environ.get(name) for name in names)

    def start(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        *,
        streams: Sequence[int] = (),
        terminal: str | None = None,
    ) -> Forked:
        """Run a command on these three streams, or as the leader of a session on a terminal."""
        folder = str(Path.cwd())
        request = {"words": words, "environ": dict(environ), "folder": folder, "terminal": terminal}
        reports, told = os.pipe()
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(request).encode())
            file.seek(0)
            socket.send_fds(self._requests, [b"."], [file.fileno(), told, *streams])
        os.close(told)
        return Forked(reports)

    def run(
        self, words: Sequence[str], environ: Mapping[str, str], stdin: bytes, timeout: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end, in pipes."""
        theirs, feed = os.pipe()
        out, to_out = os.pipe()
        err, to_err = os.pipe()
        forked = self.start(words, environ, streams=[theirs, to_out, to_err])
        for end in (theirs, to_out, to_err):
            os.close(end)
        written: dict[int, bytes] = {}
        threads = [threading.Thread(target=_read, args=(end, written)) for end in (out, err)]
        threads.append(threading.Thread(target=_feed, args=(feed, stdin)))
        for thread in threads:
            thread.start()
        try:
            forked.wait(timeout)
        finally:
            if forked.returncode is None:
                forked.kill()
            for thread in threads:
                thread.join(timeout)
        return subprocess.CompletedProcess(words, forked.wait(timeout), written[out], written[err])


def _read(end: int, written: dict[int, bytes]) -> None:
    with os.fdopen(end, "rb") as file:
        written[end] = file.read()


def _feed(end: int, text: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(end, "wb") as file:
        file.write(text)


def _fork_for_each_request() -> None:
    """Fork for each request; the process that is forked returns from here as the command."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as requests:
        while True:
            data, ends, *_ = socket.recv_fds(requests, 1, 5)
            if not data:
                os._exit(0)
            if os.fork() == 0:
                break
            for end in ends:
                os.close(end)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    file, told, *streams = ends
    with os.fdopen(file, "rb") as asked:
        request = json.load(asked)
    child = os.fork()
    if child:
        _report(child, told, streams)
    os.close(told)
    _become(request, streams)


def _report(child: int, told: int, streams: Sequence[int]) -> None:
    """Tell the child's number, and how it ends."""
    for end in streams:
        os.close(end)
    os.write(told, b"%d\n" % child)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)


def _become(request: Mapping[str, Any], streams: Sequence[int]) -> None:
    """Take on everything that a process has from who starts it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["terminal"]:
        os.setsid()
        opened = [os.open(request["terminal"], os.O_RDWR)] * 3
    else:
        opened = list(streams)
    for number, end in enumerate(opened):
        os.dup2(end, number)
    for end in {*opened, *streams}:
        os.close(end)
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv[1:] = request["words"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        binary = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115 -- as Python's own
        lines = number == 2 or os.isatty(number)
        stream = io.TextIOWrapper(
            binary, encoding=before.encoding, errors=before.errors, line_buffering=lines
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    for shared in SHARED:
        importlib.import_module(shared)
    _fork_for_each_request()
    runpy.run_module("log10_trace", run_name="__main__", alter_sys=True)
