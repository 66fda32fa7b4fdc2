"""Requests to an OTLP endpoint over one connection that is kept open: one attempt, no threads, no retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import h11

from log10_trace import __version__
from log10_trace.export.delivery.http_exchange import COMPRESS_FROM_BYTES, HttpExchange, compress
from log10_trace.export.delivery.responses import RecordResult
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.server import Server
from log10_trace.export.http.connection import Request
from log10_trace.export.http.reply import HttpReply
from log10_trace.otlp.endpoint import GRPC_NOTICE, GRPC_PORT, split_url

RETRIED: Final = (408, 425, 429, 500, 502, 503, 504)
"""Statuses of an endpoint that may take the same request later."""


class OtlpExchange(HttpExchange):
    """Posts OTLP's protobuf. Used by one thread at a time."""

    def __init__(self, headers: Mapping[str, str], progress: Callable[[], None] = lambda: None) -> None:
        """Send ``headers`` with every request, beside our own; call ``progress`` when the network moved."""
        super().__init__(progress)
        self._headers = list(headers.items())

    def post(self, server: Server, body: bytes, timeout: float) -> HttpReply | RecordResult:
        """The answer to ``body``, posted to ``server.url``; a result where none came within ``timeout`` s."""
        url, path = split_url(server.url)
        headers = [
            ("Content-Type", "application/x-protobuf"),
            ("User-Agent", f"log10-trace/{__version__}"),
            *self._headers,
        ]
        if len(body) >= COMPRESS_FROM_BYTES:
            headers.append(("Content-Encoding", "gzip"))
            body = compress((body,))
        reply = self.exchange(server._replace(url=url), Request("POST", path, headers, (body,)), timeout)
        return _explain(server.url, reply) if isinstance(reply, RecordResult) else reply


def _explain(url: str, failure: RecordResult) -> RecordResult:
    """The failure of a request without an answer; what speaks gRPC alone is told as such."""
    is_no_http = isinstance(failure.cause, h11.ProtocolError)
    is_cut = isinstance(failure.cause, ConnectionError) and failure.connected
    if is_no_http or (is_cut and urlsplit(url).port == GRPC_PORT):
        return replace(failure, disposition=Disposition.DENIED, message=GRPC_NOTICE)
    return replace(failure, message=failure.message.replace("LOG10_URL", "the URL of the endpoint"))
