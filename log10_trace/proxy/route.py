"""The way to the target: straight there, or through the proxy that the environment names for it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import h11

from log10_trace.errors import SetupError
from log10_trace.export.http.address import Address
from log10_trace.export.http.deadline import Deadline
from log10_trace.export.http.proxies import ProxyError, authorization, describe_proxy, open_socks, open_tunnel
from log10_trace.export.http.streams import TcpStream
from log10_trace.network import find_proxy
from log10_trace.proxy.heads import Fields
from log10_trace.proxy.target import Target

_MAX_OPENING: Final = 64
"""So many connections are opened through a proxy at a time, each on a thread."""


@dataclass(frozen=True, slots=True)
class Route:
    """How connections reach the target: straight there, unless one of two kinds of proxy is named."""

    target: Target
    tls: ssl.SSLContext | None
    """Verifies the certificate of the target; None for a target without TLS."""
    tunnel: Address | None = None
    """A proxy that connects to the target and passes bytes on."""
    forwarder: Address | None = None
    """A proxy that passes requests on."""

    @property
    def proxy(self) -> Address | None:
        """The proxy, of either kind."""
        return self.tunnel or self.forwarder

    @property
    def origin(self) -> bytes:
        """What stands before the path of a request, so that a forwarder knows the host."""
        return f"http://{self.target.authority}".encode("ascii") if self.forwarder else b""

    @property
    def fields(self) -> Fields:
        """What a forwarder is told with each request: user and password of its URL."""
        told = authorization(self.forwarder) if self.forwarder else []
        return [(name.encode(), value.encode()) for name, value in told]


def find_route(target: Target, tls: ssl.SSLContext | None = None) -> Route:
    """The way to the target that ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` name.

    Raises:
        SetupError: the proxy is none that can be used.
    """
    named = find_proxy(target.url)
    if named is None:
        return Route(target, tls)
    try:
        proxy = Address(named)
    except OSError as error:
        raise SetupError(f"The proxy that the environment names cannot be used: {error}.") from None
    if not proxy.is_known or proxy.scheme == "https" or not proxy.host:
        raise SetupError(
            f"The environment names {describe_proxy(proxy)}, which cannot be used: only http:// and "
            "socks5:// can. Name such a proxy, or the API's host in NO_PROXY."
        )
    if target.scheme == "http" and proxy.scheme == "http":
        return Route(target, tls, forwarder=proxy)
    return Route(target, tls, tunnel=proxy)


class Tunnels:
    """Opens connections through a proxy that passes bytes on. Used on the event loop."""

    def __init__(self, proxy: Address, target: Target, timeout_s: float) -> None:
        self._proxy = proxy
        self._server = Address(target.url)
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_MAX_OPENING, thread_name_prefix="log10-trace-tunnel")

    async def open(self) -> socket.socket:
        """A socket over which the target hears.

        Raises:
            OSError: the proxy cannot be reached, or does not let the connection through.
            TimeoutError: it took too long.
        """
        opening = self._threads.submit(self._open)
        try:
            return await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_result)
            raise

    def close(self) -> None:
        """Open none any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> socket.socket:
        deadline, proxy = Deadline(self._timeout_s), self._proxy
        open_through = open_tunnel if proxy.scheme == "http" else open_socks
        try:
            stream = TcpStream(proxy.host, proxy.port, deadline, lambda: None)
            try:
                open_through(stream, proxy, self._server, deadline)
                return socket.socket(fileno=stream.detach())
            finally:
                stream.close()
        except TimeoutError:
            raise TimeoutError from None  # as that of the whole: either may be noticed first
        except ProxyError:
            raise
        except (OSError, h11.ProtocolError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ProxyError(f"{describe_proxy(proxy)}: {reason}") from None


def _close_result(opening: Future[socket.socket]) -> None:
    """Close a socket that nobody waits for any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
