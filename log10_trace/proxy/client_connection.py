"""A connection of a client: its requests, one after the other, and the responses to them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Final

import httptools

from log10_trace.proxy import heads
from log10_trace.proxy.exchange import Exchange
from log10_trace.proxy.failures import error_body
from log10_trace.proxy.target import RefusedTargetError

if TYPE_CHECKING:
    from log10_trace.proxy.run import Proxy

MAX_HEAD_BYTES: Final = 64 * 1024
"""Most that may come in a row without any of it being body."""
_HEAD_TOO_LONG: Final = (
    431, f"The head of the request has more than {MAX_HEAD_BYTES} bytes.", "head_too_long"
)  # fmt: skip
HEAD_S: Final = 60.0
"""Seconds from the first byte of a request to the last of its head."""
IDLE_S: Final = 300.0
"""Seconds between two requests."""
LINGER_S: Final = 2.0
"""Seconds in which the rest of a request that was answered early is read and thrown away: closed at once, the
connection would lose the response on its way."""
_RESET: Final = struct.pack("ii", 1, 0)


class ClientConnection(asyncio.Protocol):
    """Reads the requests of a client, and makes an exchange of each."""

    __slots__ = (
        "_bare", "_ends_after_this", "_exchanges", "_fields", "_is_deaf", "_is_reading", "_parser", "_proxy",
        "_receiving", "_refusal", "_timer", "_trailers", "_transport", "_url", "is_write_paused",
    )  # fmt: skip

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._exchanges: deque[Exchange] = deque()
        """The exchange under way, and those whose requests came before its response was sent."""
        self._receiving: Exchange | None = None
        """The exchange whose request is not whole yet."""
        self._refusal: tuple[int, str, str] | None = None
        """Status, message and code, where a request is not passed on."""
        self._ends_after_this = self._is_deaf = False
        self._is_reading = True
        self.is_write_paused = False
        """Whether the client takes no more for now."""
        self._bare = 0
        self._begin_head()

    def _begin_head(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._fields: heads.Fields = []
        self._trailers: heads.Fields = []

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return not self._exchanges

    # What the exchange asks for.

    def write(self, data: bytes) -> None:
        """Send this."""
        self._transport.write(data)

    def update_reading(self) -> None:
        """Read on, unless what has come waits already."""
        if self._transport.is_closing():
            return
        first = self._exchanges[0] if self._exchanges else None
        is_blocked = first is not None and not first.is_request_complete and first.is_upload_blocked
        wanted = not is_blocked and len(self._exchanges) <= 1
        if wanted != self._is_reading:
            self._is_reading = wanted
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()

    def on_exchange_end(self, exchange: Exchange) -> None:
        """The response of an exchange is sent."""
        self._exchanges.remove(exchange)
        if not exchange.is_request_complete:
            self._linger()
        elif exchange.closes or self._ends_after_this:
            self._transport.close()
        elif self._exchanges:
            self._exchanges[0].flush_request()
            self.update_reading()
        else:
            self._watch(IDLE_S)

    def break_off(self, *, is_framed: bool) -> None:
        """Close the connection in the middle of a response, so that the client cannot take it for whole.

        A body whose end is the connection's (not ``is_framed``) is broken by a reset alone.
        """
        if not is_framed:
            self._reset_when_closed()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection now, whatever is not sent yet."""
        self._reset_when_closed()
        self._transport.abort()

    def _reset_when_closed(self) -> None:
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def close(self) -> None:
        """Close it, after what was written is sent."""
        self._transport.close()

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- it is TCP
        self._transport = transport
        self._proxy.clients.add(self)
        self._watch(IDLE_S)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request have come."""
        if self._is_deaf:
            return
        self._bare += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            again = self._head_without_upgrade()
            if again is not None:
                self._begin_head()
                self._bare = 0
                self.data_received(again + data[upgrade.args[0] :])
                return
        except httptools.HttpParserError as error:
            self._refusal = self._refusal or (
                400,
                f"The request is not HTTP/1.1 ({error}).",
                "invalid_request",
            )
        if self._bare > MAX_HEAD_BYTES:
            self._refusal = self._refusal or _HEAD_TOO_LONG
        if self._exchanges:
            self._exchanges[0].flush_request()
            self.update_reading()
        if self._refusal is not None:
            self._refuse(*self._refusal)

    def connection_lost(self, _exc: Exception | None) -> None:
        """It is closed."""
        self._proxy.clients.discard(self)
        self._stop_watching()
        self._is_deaf = True
        while self._exchanges:
            self._exchanges.popleft().on_client_gone()
        self._proxy.on_client_closed()

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        self.is_write_paused = True
        if self._exchanges:
            self._exchanges[0].pause_response(is_paused=True)

    def resume_writing(self) -> None:
        """The client takes more again."""
        self.is_write_paused = False
        if self._exchanges:
            self._exchanges[0].pause_response(is_paused=False)

    # What the parser tells.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url, self._fields, self._trailers = b"", [], []
        self._watch(HEAD_S)

    def on_url(self, part: bytes) -> None:
        """A part of the target."""
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or one behind the last chunk."""
        (self._fields if self._receiving is None else self._trailers).append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._parser.should_upgrade():
            return  # ``data_received`` hears of it where the head ends
        self._stop_watching()
        self._bare = 0
        parser = self._parser
        version = parser.get_http_version()
        keep_alive = parser.should_keep_alive()
        head = heads.RequestHead(parser.get_method(), self._url, self._fields, version, keep_alive)
        self._refusal = self._refusal or self._find_fault(head)
        if self._refusal is None:
            self._receiving = Exchange(self._proxy, self, head)
            self._exchanges.append(self._receiving)

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        self._bare = 0
        if self._receiving is not None:
            self._receiving.on_request_body(piece)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._receiving is not None:
            self._receiving.on_request_end(self._trailers)
            self._receiving = None

    def _find_fault(self, head: heads.RequestHead) -> tuple[int, str, str] | None:
        """Why a request is not passed on; None where it is."""
        if head.version not in ("1.0", "1.1"):
            return (505, f"HTTP/{head.version} is not spoken here, but HTTP/1.1.", "unsupported_version")
        if sum(len(name) + len(value) for name, value in head.fields) + len(head.target) > MAX_HEAD_BYTES:
            return _HEAD_TOO_LONG
        codings = [value for name, value in head.fields if name.lower() == b"transfer-encoding"]
        if codings and (codings != [b"chunked"] or head.version == "1.0"):
            return (501, "The only transfer coding of requests is chunked.", "unsupported_transfer_coding")
        if sum(name.lower() == b"host" for name, _ in head.fields) != 1 and head.version == "1.1":
            return (400, "A request has one field Host.", "invalid_request")
        try:
            head.path = self._proxy.target.path_for(head.target)
        except RefusedTargetError as error:
            return (400, str(error), "invalid_target")
        return None

    def _head_without_upgrade(self) -> bytes | None:
        """The head that asks for another protocol, as one that does not; None where it is refused."""
        if self._parser.get_method() == b"CONNECT":
            self._refusal = (
                501,
                "CONNECT is not supported: requests go to one host alone.",
                "invalid_target",
            )
            return None
        if heads.has_token(self._fields, b"upgrade", b"websocket"):
            message = "WebSockets are not passed on. Use HTTP, or connect to the API without the proxy."
            self._refusal = (501, message, "websocket_not_supported")
            return None
        if self._exchanges:
            message = "Another protocol can be offered only where no other request is under way."
            self._refusal = (400, message, "invalid_request")
            return None
        # Java's client offers h2c with every first request, which a server is free to ignore.
        head = heads.RequestHead(
            self._parser.get_method(),
            self._url,
            self._fields,
            self._parser.get_http_version(),
            keep_alive=True,
        )
        return heads.write_without_upgrade(head)

    def _refuse(self, status: int, message: str, code: str) -> None:
        """Answer in the target's place, and read no further."""
        self._is_deaf = True
        self._stop_watching()
        if self._exchanges and self._exchanges[0].is_request_complete:
            # It came behind a request that is under way: the client gets the response to that one.
            while len(self._exchanges) > 1:
                self._exchanges.pop().on_client_gone()
            self._ends_after_this = True
            return
        has_begun = bool(self._exchanges) and self._exchanges[0].has_response_begun
        while self._exchanges:
            self._exchanges.pop().on_client_gone()
        if has_begun:
            self.abort()
            return
        body = error_body(message, code)
        head = heads.make_error(status, body)
        self._transport.write(heads.write_response(head, is_chunked=False, closes=True) + body)
        self._linger()

    def _linger(self) -> None:
        """Say no more, and close once the client has closed, or soon."""
        self._is_deaf = True
        if self._transport.is_closing():
            return
        self._is_reading = True
        self._transport.resume_reading()
        self._transport.write_eof()
        self._watch(LINGER_S)

    def _watch(self, seconds: float) -> None:
        self._stop_watching()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._on_timeout)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        self._timer = None
        # Behind a request under way another may have begun.
        if self._exchanges:
            self._ends_after_this = True
        else:
            self._transport.close()
