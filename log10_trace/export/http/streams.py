"""Bytes to a server and back: a TCP connection and TLS, every step before one deadline.

Tools that watch, record or mock a program's requests (OpenTelemetry, vcr, respx, pytest-httpx, Sentry,
HTTPretty) replace methods of httpx, httpcore and http.client, or the socket class. They are meant for the
program's own requests, and deliveries are to pass them by. So the socket here is the one of the C module
``_socket``, which is never replaced, and TLS runs in memory above it.
"""

from __future__ import annotations

import _socket
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from log10_trace.export.http.deadline import Deadline
from log10_trace.export.http.lookup import find_addresses

Result = TypeVar("Result")

PIECE_BYTES: Final = 256 * 1024
"""So much is handed to the kernel at a time, and counts as progress once it was taken."""
_RECEIVE_BYTES: Final = 64 * 1024


class Stream(Protocol):
    """What carries bytes both ways."""

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of ``data``."""
        ...

    def receive(self, deadline: Deadline) -> bytes:
        """The next bytes; none at the end."""
        ...


class TcpStream:
    """A TCP connection."""

    def __init__(self, host: str, port: int, deadline: Deadline, progress: Callable[[], None]) -> None:
        """Connect. ``progress`` is called whenever the kernel has taken something.

        Raises:
            OSError: no address of the host takes the connection before the deadline.
        """
        self._progress = progress
        self._socket = _connect(host, port, deadline)
        progress()

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of ``data``."""
        view = memoryview(data)
        for begin in range(0, len(view), PIECE_BYTES):
            # Anew for each piece: the time-out of a socket bounds one step, and the deadline all of them.
            self._socket.settimeout(deadline.remaining_s())
            self._socket.sendall(view[begin : begin + PIECE_BYTES])
            self._progress()

    def receive(self, deadline: Deadline) -> bytes:
        """The next bytes; none at the end."""
        self._socket.settimeout(deadline.remaining_s())
        data: bytes = self._socket.recv(_RECEIVE_BYTES)
        return data

    @property
    def is_quiet(self) -> bool:
        """Whether the other side neither sent anything that we did not ask for, nor closed."""
        try:
            self._socket.settimeout(0)
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def detach(self) -> int:
        """The connection's file descriptor, which belongs to the caller from now on."""
        number: int = self._socket.detach()
        return number

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def detach_after_fork(self) -> None:
        """Release a connection that another process uses as well, without sending anything."""
        if self._socket.fileno() >= 0:
            os.close(self._socket.detach())


class TlsStream:
    """TLS over a stream, which may be TLS itself, to a proxy."""

    def __init__(self, inner: Stream, context: ssl.SSLContext, host: str, deadline: Deadline) -> None:
        """Shake hands.

        Raises:
            SSLError: the other side speaks no TLS, or its certificate cannot be verified.
            OSError: the connection broke, or the deadline passed.
        """
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._run(self._tls.do_handshake, deadline)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of ``data``."""
        view = memoryview(data)
        while view:
            piece = view[:PIECE_BYTES]
            view = view[self._run(partial(self._tls.write, piece), deadline) :]

    def receive(self, deadline: Deadline) -> bytes:
        """The next bytes; none at the end."""
        try:
            return self._run(partial(self._tls.read, _RECEIVE_BYTES), deadline)
        except ssl.SSLZeroReturnError:
            return b""

    def _run(self, step: Callable[[], Result], deadline: Deadline) -> Result:
        """The result of a step, with all that has to be said and heard for it."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:  # noqa: PERF203 -- every turn waits for the network
                self._send_waiting(deadline)
                self._receive_more(deadline)
            finally:
                self._send_waiting(deadline)

    def _receive_more(self, deadline: Deadline) -> None:
        if data := self._inner.receive(deadline):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _send_waiting(self, deadline: Deadline) -> None:
        if waiting := self._outgoing.read():
            self._inner.send(waiting, deadline)


def _connect(host: str, port: int, deadline: Deadline) -> Any:
    """A socket that is connected to the first address of ``host`` that takes it."""
    addresses = find_addresses(host, port, deadline)
    failure: OSError = OSError(f"{host} has no address")
    for tried, (family, address) in enumerate(addresses):
        made = _socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(deadline.remaining_s() / (len(addresses) - tried))  # leaves time for the others
            made.connect(address)
            # A request goes out in several pieces: the last must not wait until those before are
            # acknowledged.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            failure = error
            made.close()
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise failure
