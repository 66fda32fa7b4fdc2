"""Real processes for tests: our server, and programs that use the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from log10_trace.local_server import LocalServer

DEADLINE_S = 120.0
"""How long a process may take to become ready on a busy machine; reached only when something is wrong."""

PATIENT = {
    "LOG10_EXIT_TIMEOUT": "60",
    "PYTHONPATH": os.pathsep.join(
        filter(None, (str(Path(__file__).parent / "patient"), os.environ.get("PYTHONPATH")))
    ),
}
"""Variables of programs whose end takes no busy machine for a network that is dead.

Another one leaves to the next program what is on its way for longer than 0.3 s, as it should.
"""


def until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """The first true value of ``condition``; fails saying ``what`` did not happen before the deadline."""
    give_up = time.monotonic() + deadline_s
    while time.monotonic() < give_up:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {deadline_s:g} s")


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment with another LOG10_HOME, and ``more``."""
    return {**os.environ, "LOG10_HOME": str(home), "PYTHONUNBUFFERED": "1", **more}


@contextmanager
def server(home: Path, *arguments: str, redirections: str = "", **variables: str) -> Iterator[LocalServer]:
    """``log10-trace serve`` on a free port, in a process of its own, while the block runs.

    ``redirections`` are those of a shell, such as ``>&-``.
    """
    command = ["sh", "-c", f'exec "$@" {redirections}', "sh"]
    command += [sys.executable, "-m", "log10_trace", "serve", "--port", "0", *arguments]
    with (home.parent / f"{home.name}-serve.log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment(home, **variables))
        try:
            yield until(lambda: _announced(home, process, log.name), "the server is ready")
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def _announced(home: Path, process: subprocess.Popen[bytes], log: str) -> LocalServer | None:
    assert process.poll() is None, Path(log).read_text()
    file = home / "server.json"
    if not file.exists():
        return None
    found = LocalServer(**json.loads(file.read_text()))
    return found if found.pid == process.pid else None


def program(home: Path, source: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python source as a program of its own to its end, whatever that is."""
    return subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        env=environment(home, **variables),
        timeout=DEADLINE_S,
        check=False,
    )
