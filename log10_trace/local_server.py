"""This user's own server on this machine: where it listens and the key it takes, in a file of the user's own.

The server writes the file when it starts; tracer, client and command line read it. Nothing here connects.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final, NamedTuple

from log10_trace.config import log10_home
from log10_trace.private_file import write_private_file

DATABASE: Final = "completions.db"
"""The database of a server that is given no other, in LOG10_HOME."""


class LocalServer(NamedTuple):
    """A server of this user: its address, the key it takes, the process that serves."""

    url: str
    token: str
    pid: int


def registration_path() -> Path:
    """Where the running server says how to reach it."""
    return log10_home() / "server.json"


def register(server: LocalServer) -> None:
    """Write how to reach the server, readable by this user alone.

    Raises:
        OSError: the folder cannot be made or written.
    """
    path = registration_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private_file(path, json.dumps(server._asdict()).encode())


def discover() -> LocalServer | None:
    """The server that was announced last and not withdrawn; it may have died since."""
    try:
        if registration_path().stat().st_uid != os.getuid():
            return None
        return LocalServer(**json.loads(registration_path().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def has_ever_run() -> bool:
    """Whether a server of this user runs, or has run here before: then it has a database."""
    return discover() is not None or (log10_home() / DATABASE).exists()


def unregister(pid: int) -> None:
    """Take the announcement back, if it is still this process's own."""
    found = discover()
    if found is not None and found.pid == pid:
        registration_path().unlink(missing_ok=True)
