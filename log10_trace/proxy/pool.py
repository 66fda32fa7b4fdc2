"""The connections to the target: those that wait for another request, and new ones."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from log10_trace.proxy.target import Target
from log10_trace.proxy.upstream_connection import UpstreamConnection

IDLE_S: Final = 4.0
"""A connection idle for longer is closed: Node's HTTP server and uvicorn close theirs after 5 s, and a
request that meets the closing of its connection must not be sent again."""


class Pool:
    """Connections to one target. Used on the event loop only."""

    def __init__(self, target: Target, tls: ssl.SSLContext | None, connect_timeout_s: float) -> None:
        """``tls`` verifies the target's certificate; None for a target without TLS."""
        self.connect_timeout_s = connect_timeout_s
        self._target = target
        self._tls = tls
        self.open: set[UpstreamConnection] = set()
        """Every connection that is not closed."""
        self._idle: list[UpstreamConnection] = []

    def take(self) -> UpstreamConnection | None:
        """The idle connection that was used last; none where there is none."""
        while self._idle:
            connection = self._idle.pop()
            if connection.expiry is not None:
                connection.expiry.cancel()
            if not connection.is_closing:
                return connection
        return None

    def put(self, connection: UpstreamConnection) -> None:
        """Keep a connection for another request."""
        if connection.is_closing:
            return
        connection.expiry = asyncio.get_running_loop().call_later(IDLE_S, self._expire, connection)
        self._idle.append(connection)

    def _expire(self, connection: UpstreamConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        connection.close()

    async def connect(self) -> UpstreamConnection:
        """A new connection.

        Raises:
            OSError: none came about.
            TimeoutError: none came about in time.
        """
        target = self._target
        made = asyncio.get_running_loop().create_connection(
            lambda: UpstreamConnection(self.open),
            target.host,
            target.port,
            ssl=self._tls,
            server_hostname=target.host if self._tls is not None else None,
            happy_eyeballs_delay=0.25,
        )
        try:
            _, connection = await asyncio.wait_for(made, self.connect_timeout_s)
        except asyncio.TimeoutError:
            raise TimeoutError from None
        return connection

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self.open):
            connection.abort()
