"""Programs that serve: started in the background with a simulated model, terminated at the end."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from log10_trace.cli.simulated_model import simulated_model
from tests.processes import DEADLINE_S, environment


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def running(home: Path, cwd: Path, *command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program in the background, told to terminate at the end of the block and waited for."""
    with simulated_model() as model, (cwd / "log").open("wb") as log:
        settings = {
            "OPENAI_BASE_URL": model,
            "OPENAI_API_KEY": "k",
            "PYTHONPATH": str(Path.cwd()),
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
