"""One HTTP/1.1 connection to a completions API: one request after the other, each before a deadline.

Not httpx, although the rest of the package uses it: the tools that watch or mock it would see our deliveries
as requests of the program (see ``streams``). And its time-outs bound each read, so that a server that sends a
byte now and then would hold a connection without limit.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import h11

from log10_trace.export.http.address import Address
from log10_trace.export.http.deadline import Deadline
from log10_trace.export.http.events import ANSWER_MAX_BYTES, read_events
from log10_trace.export.http.proxies import ProxyError, authorization, describe_proxy, open_socks, open_tunnel
from log10_trace.export.http.reply import HttpReply
from log10_trace.export.http.streams import PIECE_BYTES, Stream, TcpStream, TlsStream
from log10_trace.network import find_proxy, prepare_tls
from log10_trace.unpatched import time

KEEPALIVE_S: Final = 60.0
"""A connection idle for longer is not reused: a device in between may have dropped it."""
_HEADER_MAX_BYTES: Final = 100 * 1024
_COMPRESSED: Final = ("gzip", "x-gzip", "deflate")

Headers: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the server of a connection."""

    method: str
    path: str
    headers: Headers
    pieces: Sequence[bytes] = ()
    """The body, in pieces that are sent one after the other."""

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return sum(map(len, self.pieces))


def prepare_connections(url: str) -> None:
    """Import and set up here what a connection to ``url`` needs.

    For a thread of the program's: a child that is forked while a thread of ours imports a module can never
    import it.
    """
    if not url.isascii():
        import idna  # noqa: F401, PLC0415 -- see ``Address``
    # A proxy may speak TLS where the server does not.
    if url.startswith("https:") or (find_proxy(url) or "").startswith("https:"):
        prepare_tls()


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
        self._url = Address(url)
        self._progress = progress
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADER_MAX_BYTES)
        self._idle_since = time.monotonic()
        named = find_proxy(url)
        self._proxy = Address(named) if named else None
        self._is_forwarded = False
        first = self._proxy or self._url
        if not first.is_known:
            raise ProxyError(f"{describe_proxy(first)} is none of http, https and socks5")
        self._tcp = TcpStream(first.host, first.port, deadline, progress)
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
        if proxy is not None and proxy.scheme == "https":
            stream = TlsStream(stream, tls(), proxy.host, deadline)
        if proxy is not None and proxy.scheme.startswith("socks"):
            open_socks(stream, proxy, url, deadline)
        elif proxy is not None and url.scheme == "https":
            open_tunnel(stream, proxy, url, deadline)
        else:
            self._is_forwarded = proxy is not None
        if url.scheme == "https":
            stream = TlsStream(stream, tls(), url.host, deadline)
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
        data = http.send(head) or b""
        # The state of HTTP needs the length of the body alone: its writer would copy the pieces.
        body: Any = range(request.size)
        http.send_with_data_passthrough(h11.Data(data=body))
        http.send(h11.EndOfMessage())
        try:
            for piece in _put_first(data, request.pieces):
                self._stream.send(piece, deadline)
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
        target = url.path.rstrip("/") + quote(path, safe="/?&=%")
        return (f"{url}{target}" if self._is_forwarded else target).encode()

    def _complete(self, request: Request) -> list[tuple[str, str]]:
        """The request's headers and those of the connection."""
        host = ("Host", self._url.netloc)
        forwarding = authorization(self._proxy) if self._is_forwarded and self._proxy else []
        return [host, *request.headers, *forwarding, ("Content-Length", str(request.size))]

    def _read(self, deadline: Deadline) -> HttpReply:
        status, headers, body = 0, dict[str, str](), bytearray()
        for event in read_events(self._http, self._stream, deadline):
            # 100 Continue and 103 Early Hints are of another class, and passed over.
            if isinstance(event, h11.Response):
                status, headers = event.status_code, _read_headers(event.headers)
                self._progress()
            elif isinstance(event, h11.Data):
                body += event.data
        self._progress()
        return HttpReply(status, headers, _decompress(headers.get("content-encoding", ""), bytes(body)))

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


def _put_first(head: bytes, pieces: Sequence[bytes]) -> Iterator[bytes]:
    """The head and the pieces; joined with the first of them, where that is small, to be one packet."""
    rest = iter(pieces)
    first = next(rest, b"")
    if len(first) <= PIECE_BYTES:
        yield head + first
    else:
        yield head
        yield first
    yield from rest


def _read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by name; the values of one that stands more than once are joined."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _decompress(coding: str, body: bytes) -> bytes:
    """The body as it was before something in between compressed it, which it was not asked to."""
    if coding.strip().lower() not in _COMPRESSED:
        return body
    try:
        # Bounded: a few bytes can inflate to any size. 47: the header of gzip or of zlib.
        return zlib.decompressobj(wbits=47).decompress(body, ANSWER_MAX_BYTES)
    except zlib.error:
        return body
