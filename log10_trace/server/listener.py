"""The HTTP/1.1 server under the application: uvicorn, with a deadline for slow senders and quiet signals."""

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

HEAD_BYTES: Final = 64 * 1024
"""Most that may come in a row without any of it being body: a head, or what stands behind the last chunk."""

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection that is too slow, or sends a head without end.

    uvicorn itself waits for ever for a sender that dribbles, and keeps whatever comes before a body.

    Attributes:
        request_s: Seconds from the first byte of a request to its last.
    """

    request_s: ClassVar[float]

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._deadline: asyncio.TimerHandle | None = None
        self._is_awaited = True
        self._bodiless = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest of it."""
        self._bodiless += len(data)
        super().data_received(data)
        if self._bodiless > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request's head is too long.")
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._forget()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_awaited, self._bodiless = True, 0

    def on_body(self, body: bytes) -> None:
        """A piece of its body is there."""
        super().on_body(body)
        self._bodiless = 0

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._is_awaited, self._bodiless = False, 0

    def _watch(self) -> None:
        if not self._is_awaited:
            self._forget()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.request_s, self._give_up)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()


class Listener(uvicorn.Server):
    """Serves an application on sockets that are bound already, until a signal or ``should_exit``.

    Args:
        app: What answers.
        ready: Called once it listens.
        request_s: Seconds a request may take to arrive.
        stop_s: Seconds that requests in hand may take after a signal.
    """

    def __init__(
        self, app: ASGIApp, ready: Callable[[], None], *, request_s: float, stop_s: float = 20.0
    ) -> None:
        config = uvicorn.Config(
            app,
            http=type("Protocol", (PatientProtocol,), {"request_s": request_s}),
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

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

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
