"""A connection to the target: one request after the other, and the responses to them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import httptools

from log10_trace.proxy.failures import ExchangeFailure, ReadError, RemoteProtocolError
from log10_trace.proxy.heads import Fields, ResponseHead, find

if TYPE_CHECKING:
    from log10_trace.proxy.exchange import Exchange

MAX_HEAD_BYTES: Final = 256 * 1024
"""Most that may come in a row without any of it being body."""
_SWITCHING_PROTOCOLS: Final = 101
_CUT: Final = "The connection was closed before the response was whole"
_CLOSED: Final = "The connection was closed before a response came"
_NO_HTTP: Final = "What came is not HTTP"


class UpstreamConnection(asyncio.Protocol):
    """Reads the responses of the target, and tells the exchange that is under way of them."""

    __slots__ = (
        "_bare", "_exchange", "_fields", "_head", "_is_done", "_is_reusable", "_open", "_parser", "_pieces",
        "_reason", "_trailers", "_transport", "expiry",
    )  # fmt: skip

    def __init__(self, open_connections: set[UpstreamConnection]) -> None:
        """Stand in ``open_connections`` while it is open."""
        self._open = open_connections
        self.expiry: asyncio.TimerHandle | None = None
        """Closes the connection when it is idle for too long."""
        self._exchange: Exchange | None = None
        self._transport: asyncio.Transport
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._reason = b""
        self._fields: Fields = []
        self._trailers: Fields = []
        self._head: ResponseHead | None = None
        self._pieces: list[bytes] = []
        self._bare = 0
        self._is_done = self._is_reusable = False

    @property
    def is_closing(self) -> bool:
        """Whether it cannot be used any more."""
        return self._transport.is_closing()

    def begin(self, exchange: Exchange) -> None:
        """Belong to an exchange from now on."""
        self._exchange = exchange
        self._reset()

    def end(self) -> None:
        """Belong to no exchange any more."""
        self._exchange = None
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Send this."""
        self._transport.write(data)

    def pause(self, *, is_paused: bool) -> None:
        """Read no more for now, or do again."""
        if self._transport.is_closing():
            return
        if is_paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        """Close it, after what was written is sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close it now."""
        self._transport.abort()

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- it is TCP or TLS
        self._transport = transport
        self._open.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of a response have come."""
        exchange = self._exchange
        if exchange is None:
            self._transport.abort()  # nothing was asked for
            return
        self._bare += len(data)
        failure: ExchangeFailure | None = None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            failure = RemoteProtocolError(f"{_NO_HTTP} ({error.__context__ or error})")
            self._is_reusable = False
        if self._bare > MAX_HEAD_BYTES and failure is None:
            failure = RemoteProtocolError(f"The head of the response has more than {MAX_HEAD_BYTES} bytes")
        pieces = self._pieces
        if pieces:
            self._pieces = []
            exchange.on_response_pieces(pieces)
        if self._is_done:
            self._finish(exchange)
            return
        exchange.flush_response()
        if failure is not None:
            exchange.on_broken(failure)

    def eof_received(self) -> None:
        """The target sends no more."""
        self._on_closed(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._open.discard(self)
        if self.expiry is not None:
            self.expiry.cancel()
        self._on_closed(exc)

    def pause_writing(self) -> None:
        """The target takes no more for now."""
        if self._exchange is not None:
            self._exchange.block_upload(is_blocked=True)

    def resume_writing(self) -> None:
        """The target takes more again."""
        if self._exchange is not None:
            self._exchange.block_upload(is_blocked=False)

    def _on_closed(self, error: Exception | None) -> None:
        exchange, head = self._exchange, self._head
        if exchange is None:
            return
        if error is None and head is not None and not head.is_chunked and not head.has_length:
            self._finish(exchange)
            return
        if error is not None and head is not None:
            exchange.on_broken(ReadError(str(error)))
        else:
            exchange.on_broken(RemoteProtocolError(_CLOSED if head is None else _CUT))

    def _finish(self, exchange: Exchange) -> None:
        head = self._head
        assert head is not None  # noqa: S101 -- a body follows its head
        exchange.on_response_end(self._trailers, has_body=head.has_body, is_reusable=self._is_reusable)

    # What the parser tells.

    def on_status(self, reason: bytes) -> None:
        """A part of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or one behind the last chunk."""
        (self._fields if self._head is None else self._trailers).append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._is_done or self._exchange is None:
            return
        status = self._parser.get_status_code()
        is_head_request = self._exchange.head.method == b"HEAD"
        head = ResponseHead(status, self._reason, self._fields, is_answer_to_head=is_head_request)
        self._reason, self._fields = b"", []
        if status == _SWITCHING_PROTOCOLS:
            raise ValueError("it speaks another protocol from here on, which nobody asked for")
        coding = find(head.fields, b"transfer-encoding")
        if coding not in (None, b"chunked"):
            raise ValueError(f"its transfer coding is {coding!r}")
        if not head.is_interim:
            self._head = head
            self._is_reusable = self._parser.should_keep_alive()
        self._exchange.on_response_head(head)
        # The parser waits for the body that ``Content-Length`` of such a response speaks of.
        self._is_done = is_head_request and not head.is_interim

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        self._bare = 0
        if not self._is_done:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """The response is whole, or an interim one is."""
        self._is_done = self._head is not None
