"""One HTTP/1.1 connection to a completions API: one request after the other, each before a deadline.

Not httpx, although the rest of the package uses it: the tools that watch or mock it would see our deliveries
as requests of the program (see ``streams``). And its time-outs bound each read, so that a server that sends a
byte now and then would hold a connection without limit.
"""

from __future__ import annotations

import ssl
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import quote

import h11
import httpx

from log10_trace.export.http.deadline import Deadline
from log10_trace.export.http.events import ANSWER_MAX_BYTES, read_events
from log10_trace.export.http.proxies import ProxyError, authorization, describe_proxy, open_socks, open_tunnel
from log10_trace.export.http.reply import HttpReply
from log10_trace.export.http.streams import Stream, TcpStream, TlsStream
from log10_trace.network import find_proxy

KEEPALIVE_S: Final = 60.0
"""A connection idle for longer is not reused: a device in between may have dropped it."""
_HEADER_MAX_BYTES: Final = 100 * 1024
_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_COMPRESSED: Final = ("gzip", "x-gzip", "deflate")

Headers: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the server of a connection."""

    method: str
    path: str
    headers: Headers
    body: bytes = b""


class Connection:
    """An open connection to a server, through the environment's proxy where there is one."""

    def __init__(
        self,
        url: str,
        *,
        tls: Callable[[], ssl.SSLContext],
        deadline: Deadline,
        progress: Callable[[], None],
    ) -> None:
        """Connect. ``tls`` is asked where TLS is needed; ``progress`` is called when the network moves.

        Raises:
            OSError: no connection came about; a ``ProxyError`` or an ``SSLError`` says more.
        """
        self._url = httpx.URL(url)
        self._progress = progress
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADER_MAX_BYTES)
        self._idle_since = time.monotonic()
        named = find_proxy(url)
        self._proxy = httpx.URL(named) if named else None
        self._is_forwarded = False
        first = self._proxy or self._url
        if first.scheme not in _PORTS:
            raise ProxyError(f"{describe_proxy(first)} is none of http, https and socks5")
        self._tcp = TcpStream(first.raw_host.decode(), _port(first), deadline, progress)
        try:
            self._stream = self._open_stream(tls, deadline)
        except BaseException:
            self._tcp.close()
            raise
        progress()

    def _open_stream(self, tls: Callable[[], ssl.SSLContext], deadline: Deadline) -> Stream:
        """What carries the requests: TCP, through a proxy or not, with TLS or not."""
        stream: Stream = self._tcp
        url, proxy = self._url, self._proxy
        host, port = url.raw_host.decode(), _port(url)
        if proxy is not None and proxy.scheme == "https":
            stream = TlsStream(stream, tls(), proxy.raw_host.decode(), deadline)
        if proxy is not None and proxy.scheme.startswith("socks"):
            open_socks(stream, proxy, host, port, deadline)
        elif proxy is not None and url.scheme == "https":
            open_tunnel(stream, proxy, host, port, deadline)
        else:
            self._is_forwarded = proxy is not None
        if url.scheme == "https":
            stream = TlsStream(stream, tls(), host, deadline)
        return stream

    def exchange(self, request: Request, deadline: Deadline) -> HttpReply:
        """Send one request and read its answer.

        Raises:
            h11.ProtocolError: what answers speaks no HTTP.
            OSError: no answer came, or not all of it, before the deadline.
        """
        http = self._http
        head = h11.Request(
            method=request.method, target=self._target(request.path), headers=self._complete(request)
        )
        data = (http.send(head) or b"") + (http.send(h11.Data(data=request.body)) or b"")
        data += http.send(h11.EndOfMessage()) or b""
        try:
            self._stream.send(data, deadline)
        except ConnectionError as broken:  # a server may refuse, say why, and read no further
            try:
                return self._read(deadline)
            except (OSError, h11.ProtocolError):
                raise broken from None
        reply = self._read(deadline)
        if http.our_state is h11.DONE and http.their_state is h11.DONE:
            http.start_next_cycle()
        self._idle_since = time.monotonic()
        return reply

    def _target(self, path: str) -> bytes:
        """The request's target: a path of the server; all of its URL where a proxy is to know it."""
        url = self._url
        target = url.raw_path.rstrip(b"/") + quote(path, safe="/?&=%").encode()
        return b"%s://%s%s" % (url.raw_scheme, url.netloc, target) if self._is_forwarded else target

    def _complete(self, request: Request) -> list[tuple[str, str]]:
        """The request's headers and those of the connection."""
        host = ("Host", self._url.netloc.decode())
        forwarding = authorization(self._proxy) if self._is_forwarded and self._proxy else []
        return [host, *request.headers, *forwarding, ("Content-Length", str(len(request.body)))]

    def _read(self, deadline: Deadline) -> HttpReply:
        status, headers, body = 0, httpx.Headers(), bytearray()
        for event in read_events(self._http, self._stream, deadline):
            # 100 Continue and 103 Early Hints are of another class, and passed over.
            if isinstance(event, h11.Response):
                status, headers = event.status_code, httpx.Headers(event.headers.raw_items())
                self._progress()
            elif isinstance(event, h11.Data):
                body += event.data
        self._progress()
        return HttpReply(status, headers, _decompress(headers.get("Content-Encoding", ""), bytes(body)))

    @property
    def is_reusable(self) -> bool:
        """Whether another request may go over this connection."""
        is_between = self._http.our_state is h11.IDLE
        is_fresh = time.monotonic() - self._idle_since < KEEPALIVE_S
        # A server may close a connection that is idle without a word of HTTP.
        return is_between and is_fresh and self._tcp.is_quiet

    def close(self) -> None:
        """Close it."""
        self._tcp.close()

    def detach_after_fork(self) -> None:
        """Release it where it belongs to the parent process."""
        self._tcp.detach_after_fork()


def _port(url: httpx.URL) -> int:
    return url.port or _PORTS[url.scheme]


def _decompress(coding: str, body: bytes) -> bytes:
    """The body as it was before something in between compressed it, which it was not asked to."""
    if coding.strip().lower() not in _COMPRESSED:
        return body
    try:
        # Bounded: a few bytes can inflate to any size. 47: the header of gzip or of zlib.
        return zlib.decompressobj(wbits=47).decompress(body, ANSWER_MAX_BYTES)
    except zlib.error:
        return body
