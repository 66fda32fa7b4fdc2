"""The HTTP/1.1 server: uvicorn, with a deadline for slow request bodies and quiet signals."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any, ClassVar, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from log10_trace.guard import log_rate_limited
from log10_trace.server.http.limits import Limits

MAX_HEAD_BYTES: Final = 64 * 1024
"""Most that may come in a row without any of it being body: a head, or what stands behind the last chunk."""

_AUTHORITY: Final = 2
"""Where it stands among the parts of ``http://host/path`` between slashes."""
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class WaitingConnections:
    """Connections that wait for their client, bounded: one more, and the one that waits longest is closed.

    A client that opens connections and sends nothing loses its own. Used on the event loop only.
    """

    def __init__(self, what: str, most: int) -> None:
        self._what = what
        self._most = most
        self._waiting: dict[DeadlineHttpProtocol, None] = {}

    def add(self, connection: DeadlineHttpProtocol) -> None:
        """Count a connection that waits from now on, or still does."""
        if connection in self._waiting:
            return
        if len(self._waiting) >= self._most:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.transport.close()
            log_rate_limited("More than %d %s connections: the oldest are closed.", self._most, self._what)
        self._waiting[connection] = None

    def discard(self, connection: DeadlineHttpProtocol) -> None:
        """Count a connection no more."""
        self._waiting.pop(connection, None)


class DeadlineHttpProtocol(HttpToolsProtocol):
    """Closes a connection that is too slow, one too many, or sends a head without end.

    uvicorn has no timeout for slow request bodies (slowloris), and buffers whatever arrives before a body.

    Attributes:
        head_s: Seconds from the first byte of a request, or the opening of a connection, to its head's last.
        request_s: Seconds from there to the request's last byte.
        half_open: The connections without a whole head, or whose body is not awaited.
        idle: The connections between two requests.
    """

    head_s: ClassVar[float]
    request_s: ClassVar[float]
    half_open: ClassVar[WaitingConnections]
    idle: ClassVar[WaitingConnections]

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._deadline: asyncio.TimerHandle | None = None
        self._is_awaited = True
        self._is_in_head = True
        self._bodiless = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.half_open.add(self)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest of it."""
        self._bodiless += len(data)
        super().data_received(data)
        if self._bodiless > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request head is too long.")
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._forget()
        self.half_open.discard(self)
        self.idle.discard(self)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_awaited, self._is_in_head, self._bodiless = True, True, 0
        self.idle.discard(self)
        self.half_open.add(self)

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._is_in_head = False
        self._forget()
        self.half_open.discard(self)
        self._read_host_of_target()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of its body is there."""
        super().on_body(body)
        self._bodiless = 0

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._is_awaited, self._bodiless = False, 0

    def on_response_complete(self) -> None:
        """The response is sent: the rest of the body is not awaited, and another request may come."""
        super().on_response_complete()
        if self.transport.is_closing() or not self.cycle.response_complete:
            return
        (self.half_open if self._is_awaited else self.idle).add(self)

    def _read_host_of_target(self) -> None:
        """Take the host of a target ``http://host/path`` for ``Host``, as RFC 9112 section 3.2.2 says."""
        parts = self.url.split(b"/", 3)
        hosts = [number for number, (name, _) in enumerate(self.headers) if name == b"host"]
        if parts[0] and parts[1:2] == [b""] and len(parts) > _AUTHORITY and len(hosts) == 1:
            self.headers[hosts[0]] = (b"host", parts[_AUTHORITY])

    def _watch(self) -> None:
        if not self._is_awaited:
            self._forget()
        elif self._deadline is None and not self.transport.is_closing():
            seconds = self.head_s if self._is_in_head else self.request_s
            self._deadline = self.loop.call_later(seconds, self._give_up)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()


class HttpServer(uvicorn.Server):
    """Serves an application on sockets that are bound already, until a signal or ``should_exit``.

    Args:
        app: What answers.
        ready: Called once it listens.
        request_s: Seconds a request may take to arrive, from the end of its head.
        head_s: Seconds its head may take; never more than ``request_s``.
        half_open: How many connections may be without a whole head.
        idle: How many may be between two requests.
        stop_s: Seconds that requests in flight may take after a signal.
        stopping: Called at a signal, before that wait.
    """

    def __init__(
        self,
        app: ASGIApp,
        ready: Callable[[], None],
        *,
        request_s: float,
        head_s: float = Limits.head_s,
        half_open: int = Limits.half_open_connections,
        idle: int = Limits.idle_connections,
        stop_s: float = 20.0,
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        bounds = {
            "request_s": request_s,
            "head_s": min(head_s, request_s),
            "half_open": WaitingConnections("half-open", half_open),
            "idle": WaitingConnections("idle", idle),
        }
        config = uvicorn.Config(
            app,
            http=type("Protocol", (DeadlineHttpProtocol,), bounds),
            loop="asyncio",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=int(stop_s),
            timeout_keep_alive=75,
        )
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and log the URL."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Listen no more, and wait for requests in flight."""
        self._stopping()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal; a second one does not wait. Unlike uvicorn, end with exit code 0.

        Only the main thread hears signals; elsewhere ``should_exit`` is the way.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for each in _STOP_SIGNALS:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in _STOP_SIGNALS:
                loop.remove_signal_handler(each)
