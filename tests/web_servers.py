"""Programs that serve: started in the background with a simulated model, terminated at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from log10_trace.cli.simulated_model import simulated_model
from tests.processes import DEADLINE_S, environment


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of 127.0.0.1 for the server that the block starts, and given to no other program meanwhile."""
    with socket.socket() as held:
        # Beside it may bind who sets this as well, as servers do, and the system gives the port to nobody.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@contextmanager
def running(home: Path, cwd: Path, *command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program in the background, told to terminate at the end of the block and waited for."""
    with simulated_model() as model, (cwd / "log").open("wb") as log:
        settings = {
            "OPENAI_BASE_URL": model,
            "OPENAI_API_KEY": "k",
            "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(Path.cwd())))),
            **variables,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=cwd,
            env=environment(home, **settings),
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def is_up(url: str) -> bool:
    """Whether a request is answered well."""
    try:
        return httpx.get(url, timeout=DEADLINE_S).is_success
    except httpx.TransportError:
        return False
