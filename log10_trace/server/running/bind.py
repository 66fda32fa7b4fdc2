"""Binds the port."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from log10_trace.errors import SetupError


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
