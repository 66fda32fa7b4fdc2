"""The connections to the target: those that wait for another request, and new ones."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from log10_trace.network import parse_address
from log10_trace.proxy.route import Route, Tunnels
from log10_trace.proxy.upstream_connection import UpstreamConnection

IDLE_S: Final = 4.0
"""A connection idle for longer is closed: Node's HTTP server and uvicorn close theirs after 5 s, and a
request that meets the closing of its connection must not be sent again."""


class Pool:
    """Connections to one target. Used on the event loop only."""

    def __init__(self, route: Route, connect_timeout_s: float) -> None:
        self.connect_timeout_s = connect_timeout_s
        self._route = route
        self._tunnels = Tunnels(route.tunnel, route.target, connect_timeout_s) if route.tunnel else None
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
        try:
            return await asyncio.wait_for(self._connect(), self.connect_timeout_s)
        except asyncio.TimeoutError:
            raise TimeoutError from None

    async def _connect(self) -> UpstreamConnection:
        target, tls = self._route.target, self._route.tls
        where: dict[str, Any]
        if self._tunnels is not None:
            where = {"sock": await self._tunnels.open()}
        else:
            first = self._route.forwarder or target
            # An address has no other to try. asyncio then also leaves no socket behind when it is cancelled.
            delay_s = None if parse_address(first.host) else 0.25
            where = {"host": first.host, "port": first.port, "happy_eyeballs_delay": delay_s}
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: UpstreamConnection(self.open),
            **where,
            ssl=tls,
            server_hostname=target.host if tls is not None else None,
        )
        return connection

    def close(self) -> None:
        """Close every connection."""
        if self._tunnels is not None:
            self._tunnels.close()
        for connection in list(self.open):
            connection.abort()
