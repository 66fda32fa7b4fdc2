"""Servers that a test writes by hand, byte for byte, and proxies; on 127.0.0.1."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Serve = Callable[["Peer"], None]


@dataclass
class Peer:
    """A connection as its server sees it."""

    connection: socket.socket
    closing: threading.Event

    def head(self) -> bytes:
        """The next head of a request, up to its empty line; empty when there is none."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            byte = self.connection.recv(1)
            if not byte:
                return b""
            data += byte
        return data

    def request(self) -> tuple[bytes, bytes]:
        """The next request: its head and its body."""
        head = self.head()
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        return head, self.exactly(length)

    def exactly(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        data = b""
        while len(data) < size:
            piece = self.connection.recv(size - len(data))
            if not piece:
                break
            data += piece
        return data

    def say(self, data: bytes) -> None:
        """Send this."""
        self.connection.sendall(data)

    def answer(self, body: bytes, *headers: bytes, status: bytes = b"200 OK") -> None:
        """Send an answer with this body."""
        lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body]
        self.say(b"\r\n".join(lines))

    def trickle(self, piece: bytes) -> None:
        """Send this again and again, for longer than any test waits, until the other side is gone."""
        for _ in range(5000):
            if self.closing.wait(0.02):
                break
            self.say(piece)

    def relay(self, host: str, port: int) -> None:
        """Pass bytes both ways between this connection and a server."""
        with socket.create_connection((host, port)) as other:
            back = threading.Thread(target=_copy, args=(other, self.connection), daemon=True)
            back.start()
            _copy(self.connection, other)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@dataclass
class RawServer:
    """A server whose every connection is served by a function of the test's."""

    serve: Serve
    tls: ssl.SSLContext | None = None
    closing: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def handle(self, connection: socket.socket) -> None:
        """Serve one connection."""
        with suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                self.serve(Peer(connection, self.closing))


@contextmanager
def raw_server(serve: Serve, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Serve every connection so, in a thread of its own, while the block runs."""
    server = RawServer(serve, tls)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=server.handle, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
