"""Binds the port and locks the SQLite file."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from log10_trace.errors import SetupError

POSTGRES: Final = ("postgresql://", "postgres://")


@contextmanager
def listening_socket(host: str, number: int) -> Iterator[socket.socket]:
    """A socket that listens on ``host`` and port ``number`` (0: a free one) while the block runs.

    Raises:
        SetupError: the address cannot be bound; the message has the reason and a remedy.
    """
    try:
        addresses = socket.getaddrinfo(host or None, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family = addresses[0][0]
        bound = socket.create_server((host, number), family=family, backlog=2048)
    except OSError as error:
        raise SetupError(_explain_bind_failure(host, number, error)) from None
    with bound:
        # asyncio sets this itself only where the socket names its protocol, which an accepted one does not;
        # without it every answer waits 40 ms for the client to acknowledge its head.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield bound


def _explain_bind_failure(host: str, number: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {number} on {host} is in use. Stop what listens there, or use --port 0 to pick a free one."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {number} on {host} needs more privileges. Choose a port above 1023."
    return f"Nothing can listen on {host}:{number}: {error.strerror or error}."


@contextmanager
def lock_database(address: str) -> Iterator[None]:
    """Hold a SQLite file for this server alone; PostgreSQL takes any number of servers.

    Two servers on one file would each count and prune behind the other's back.

    Raises:
        SetupError: another server has it.
    """
    if address.startswith(POSTGRES):
        yield
        return
    path = sqlite_path(address)
    lock = path.with_name(f"{path.name}.serving")
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SetupError(f"The database {path} cannot be used: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        message = (
            f"Another log10-trace serve has the database {path} open. Stop it, or name another database."
        )
        raise SetupError(message) from None
    try:
        yield
    finally:
        os.close(descriptor)


def sqlite_path(address: str) -> Path:
    """The file of a SQLite database."""
    return Path(address.removeprefix("sqlite:///")).expanduser().resolve()
