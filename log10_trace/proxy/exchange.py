"""One request of a client and the response to it, on their way between two connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from log10_trace.guard import logger
from log10_trace.proxy import heads
from log10_trace.proxy.failures import (
    ExchangeFailure,
    ReadTimeout,
    RemoteProtocolError,
    describe_connect_failure,
    error_body,
)
from log10_trace.unpatched import time

if TYPE_CHECKING:
    from log10_trace.proxy.client_connection import ClientConnection
    from log10_trace.proxy.run import Proxy
    from log10_trace.proxy.upstream_connection import UpstreamConnection

MAX_WAITING_BYTES: Final = 256 * 1024
"""So much of a request is read before the connection to the target takes it."""
BAD_GATEWAY: Final = 502


class Exchange:
    """Passes a request on as it comes, and its response back.

    What goes out is collected while bytes that came are read, and written in one piece afterwards:
    ``flush_request`` and ``flush_response``.
    """

    __slots__ = (
        "_began", "_closes", "_connecting", "_is_chunked", "_is_framed", "_is_over", "_proxy", "_response",
        "_status", "_timer", "_to_send", "_upload_blocked", "client", "head", "is_request_complete",
        "recording", "upstream",
    )  # fmt: skip

    def __init__(self, proxy: Proxy, client: ClientConnection, head: heads.RequestHead) -> None:
        self.client = client
        self.head = head
        self.is_request_complete = False
        self.upstream: UpstreamConnection | None = None
        self.recording = proxy.recorder.begin(head) if proxy.recorder is not None else None
        self._proxy = proxy
        self._began = time.perf_counter()
        self._to_send = [heads.write_request(head, proxy.authority, proxy.origin, proxy.forwarder_fields)]
        self._response: list[bytes] = []
        self._connecting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._upload_blocked = False
        self._is_over = self._is_chunked = False
        self._is_framed = True
        self._closes = not head.keep_alive or head.version == "1.0"
        self._status = 0

    @property
    def is_upload_blocked(self) -> bool:
        """Whether no more of the request is to be read for now."""
        if self.upstream is None:
            return sum(map(len, self._to_send)) > MAX_WAITING_BYTES
        return self._upload_blocked

    @property
    def has_response_begun(self) -> bool:
        """Whether the client has a part of the response."""
        return self._status > 0

    @property
    def closes(self) -> bool:
        """Whether the client's connection ends with the response."""
        return self._closes or self._proxy.is_stopping

    # The request, from the client.

    def on_request_body(self, piece: bytes) -> None:
        """A piece of the body has come."""
        if self.recording is not None:
            self.recording.on_request_piece(piece)
        self._to_send.append(heads.write_chunk([piece]) if self.head.is_chunked else piece)

    def on_request_end(self, trailers: heads.Fields) -> None:
        """The request is whole."""
        self.is_request_complete = True
        if self.recording is not None:
            self.recording.on_request_end()
        if self.head.is_chunked:
            self._to_send.append(heads.write_last_chunk(trailers))

    def flush_request(self) -> None:
        """Send what has come; the first time, over a connection that is found or made for it."""
        if self._is_over or self._connecting is not None:
            return
        if self.upstream is not None:
            self._write_request(self.upstream)
            return
        pooled = self._proxy.pool.take()
        if pooled is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())
        else:
            self._attach(pooled)

    async def _connect(self) -> None:
        proxy = self._proxy
        try:
            upstream = await proxy.pool.connect()
        except Exception as error:  # noqa: BLE001 -- whatever it is, the client is told
            self._connecting = None
            if not self._is_over:
                self.respond(describe_connect_failure(proxy.target, error, proxy.pool.connect_timeout_s))
            return
        self._connecting = None
        if self._is_over:
            # Up to Python 3.11 wait_for gives a connection that was made also where it is cancelled.
            upstream.abort()
            return
        self._attach(upstream)

    def _attach(self, upstream: UpstreamConnection) -> None:
        self.upstream = upstream
        upstream.begin(self)
        if self.client.is_write_paused:
            upstream.pause(is_paused=True)
        self._write_request(upstream)
        self.client.update_reading()

    def _write_request(self, upstream: UpstreamConnection) -> None:
        if self._to_send:
            data = b"".join(self._to_send)
            self._to_send.clear()
            upstream.write(data)
        self._watch()

    def block_upload(self, *, is_blocked: bool) -> None:
        """The target takes no more of the request for now, or does again."""
        self._upload_blocked = is_blocked
        self.client.update_reading()

    # The response, from the target.

    def on_response_head(self, head: heads.ResponseHead) -> None:
        """A head has come, perhaps an interim one."""
        if head.is_interim:
            if self.head.version != "1.0":
                self._response.append(heads.write_response(head, is_chunked=False, closes=False))
            return
        self._status = head.status
        if self.recording is not None:
            self.recording.on_response_head(head)
        is_http_1_1 = self.head.version != "1.0"
        self._is_chunked = head.is_chunked and is_http_1_1
        # Otherwise the end of the connection is the end of the body.
        self._is_framed = self._is_chunked or head.has_length or not head.has_body
        if not self._is_framed or not self.is_request_complete:
            self._closes = True
        self._response.append(heads.write_response(head, is_chunked=self._is_chunked, closes=self.closes))

    def on_response_pieces(self, pieces: list[bytes]) -> None:
        """Pieces of the body have come."""
        if self.recording is not None:
            self.recording.on_pieces(pieces)
        if self._is_chunked:
            self._response.append(heads.write_chunk(pieces))
        else:
            self._response += pieces

    def on_response_end(self, trailers: heads.Fields, *, has_body: bool, is_reusable: bool) -> None:
        """The response is whole."""
        if self.recording is not None:
            self.recording.on_end()
        if self._is_chunked and has_body:
            self._response.append(heads.write_last_chunk(trailers))
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.end()
            if is_reusable and self.is_request_complete:
                self._proxy.pool.put(upstream)
            else:
                upstream.close()
        self._end()
        self.client.on_exchange_end(self)

    def flush_response(self) -> None:
        """Hand the client what has come. Its record, or the record of its beginning, is on disk by then."""
        self._watch()
        if not self._response:
            return
        # An interim response may come before the request is whole, and says nothing of the call.
        if self.recording is not None and self._status:
            self.recording.keep_started()
        data = b"".join(self._response)
        self._response.clear()
        self.client.write(data)

    def on_broken(self, failure: ExchangeFailure) -> None:
        """The target's response will not come to its end."""
        if self._is_over:
            return
        if not self._status:
            self._drop_upstream()
            self.respond(
                error_body(
                    f"{self._proxy.target.url}: {failure}", _CODES.get(type(failure), "upstream_error")
                )
            )
            return
        if self.recording is not None:
            self.recording.on_failure(failure)
        self._drop_upstream()
        self.flush_response()
        self._end()
        self.client.break_off(is_framed=self._is_framed)

    def respond(self, body: bytes) -> None:
        """Answer in the target's place: it has not answered, or not in HTTP."""
        self._to_send.clear()
        head = heads.make_error(BAD_GATEWAY, body)
        head.is_answer_to_head = self.head.method == b"HEAD"
        self.on_response_head(head)
        if head.has_body:
            self.on_response_pieces([body])
        self.on_response_end([], has_body=head.has_body, is_reusable=False)

    # Either side.

    def on_client_gone(self) -> None:
        """The client has closed its connection: nobody waits for the response."""
        if self._is_over:
            return
        if self.recording is not None:
            self.recording.on_client_gone()
        self._drop_upstream()
        self._end()

    def pause_response(self, *, is_paused: bool) -> None:
        """The client takes no more of the response for now, or does again."""
        if self.upstream is not None:
            self.upstream.pause(is_paused=is_paused)

    def _drop_upstream(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.end()
            upstream.abort()

    def _end(self) -> None:
        self.flush_response()
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._log()

    def _watch(self) -> None:
        """Bound the wait for the target's next bytes, where it is to be bounded."""
        seconds = self._proxy.read_timeout_s
        if seconds is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._on_timeout, seconds)

    def _on_timeout(self, seconds: float) -> None:
        self.on_broken(ReadTimeout(f"nothing came for {seconds:g} s"))

    def _log(self) -> None:
        """One line for each exchange, without its query, which may hold a key."""
        path = self.head.path.partition(b"?")[0].decode("latin-1")
        duration_ms = round((time.perf_counter() - self._began) * 1000, 1)
        logger.info(
            {
                "message": "exchange",
                "method": self.head.method.decode("latin-1"),
                "path": path,
                "status": self._status or None,
                "duration_ms": duration_ms,
                "recorded": self.recording is not None,
            }
        )


_CODES: Final = {ReadTimeout: "upstream_timeout", RemoteProtocolError: "upstream_protocol"}
