"""Requests to the completions API: how records go over the wire and what its answers mean for each.

No threads and no retries here: one call of ``send`` is one attempt.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 -- see below
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

# httpx, and Python for host names, import these when they are first used, which would be on our thread: a
# child that is forked in the middle of that waits for ever for the import to end.
import certifi
import httpcore  # noqa: F401
import httpx

from log10_trace import __version__
from log10_trace.export.answer import (
    Answer,
    Outcome,
    Parcel,
    Reply,
    answer_of,
    answer_of_result,
    pause_of,
    results_of,
)
from log10_trace.export.retry import Verdict, is_absent, verdict

BATCH_ITEMS: Final = 500
SINGLE_ITEMS: Final = 16
"""So few at a time, where each is a request, that stop and flush are heard in between."""
ANSWER_MAX_BYTES: Final = 4 * 1024 * 1024
COMPRESS_FROM_BYTES: Final = 1400
"""Less fits into one packet anyway."""

certifi.where()  # what finds the file is imported only now
_PLAIN: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What httpx asks for though nothing is encrypted. The first makes OpenSSL prepare itself, which, as with the
imports above, is not to happen on our thread."""
_COMPLETIONS: Final = "/api/v1/completions"
_BATCH: Final = f"{_COMPLETIONS}/batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A completions API and what it asks for."""

    url: str
    token: str | None = None
    organization_id: str | None = None


class Transport:
    """Sends records to a server over one connection that is kept open. Used by one thread at a time."""

    def __init__(self, progress: Callable[[], None] = lambda: None) -> None:
        """Call ``progress`` whenever the network has moved: connected, sent, answered."""
        self._progress = progress
        self._client: httpx.HTTPTransport | None = None
        self._client_for = ""
        self._socket: socket.socket | None = None
        self._batches: dict[str, bool] = {}

    def most_items(self, server: Server) -> int:
        """How many records are worth handing over at a time."""
        return BATCH_ITEMS if self._batches.get(server.url, True) else SINGLE_ITEMS

    def send(self, server: Server, parcels: Sequence[Parcel], timeout: float) -> Outcome:
        """Try once to hand these records over; ``timeout`` is the seconds that one request may take."""
        known = self._batches.get(server.url)
        if known is False:
            return self._send_singly(server, parcels, timeout)
        body = b"\n".join([*(parcel.body for parcel in parcels), b""])
        reply = self._post(server, _BATCH, body, timeout, "application/x-ndjson")
        if isinstance(reply, Answer):
            return Outcome([reply] * len(parcels))
        results = results_of(reply)
        if results is not None:
            self._batches[server.url] = True
            return Outcome([answer_of_result(results.get(parcel.id)) for parcel in parcels], pause_of(reply))
        meaning = verdict(reply.status)
        if is_absent(reply.status) or (known is None and meaning in (Verdict.DONE, Verdict.REFUSED)):
            # Some other door may have answered, an upsert of a record named "batch" for one.
            self._batches[server.url] = False
            return self._send_singly(server, parcels, timeout)
        answer = answer_of(reply)
        if meaning in (Verdict.DONE, Verdict.REFUSED):
            again = Verdict.TOO_LARGE if meaning is Verdict.REFUSED else Verdict.AGAIN
            answer = Answer(again, answer.status, answer.code, answer.message)
        return Outcome([answer] * len(parcels), pause_of(reply))

    def _send_singly(self, server: Server, parcels: Sequence[Parcel], timeout: float) -> Outcome:
        answers: list[Answer] = []
        for parcel in parcels:
            path = f"{_COMPLETIONS}/{parcel.id}" if parcel.update else _COMPLETIONS
            reply = self._post(server, path, parcel.body, timeout, "application/json")
            if isinstance(reply, Reply) and reply.status == httpx.codes.CONFLICT and not parcel.update:
                path = f"{_COMPLETIONS}/{parcel.id}"
                reply = self._post(server, path, parcel.body, timeout, "application/json")
            answer = reply if isinstance(reply, Answer) else answer_of(reply)
            if is_absent(answer.status):
                answer = Answer(
                    Verdict.DENIED, answer.status, answer.code, "there is no completions API here"
                )
            answers.append(answer)
            if answer.verdict in (Verdict.AGAIN, Verdict.DENIED):
                rest = [Answer(Verdict.AGAIN)] * (len(parcels) - len(answers))
                return Outcome(answers + rest, pause_of(reply) if isinstance(reply, Reply) else 0.0)
        return Outcome(answers)

    def _post(
        self, server: Server, path: str, body: bytes, timeout: float, content_type: str
    ) -> Reply | Answer:
        """The server's reply, or ``AGAIN`` when none came."""
        headers = {
            "Accept": "application/json",
            "Content-Type": content_type,
            "User-Agent": f"log10-trace/{__version__}",
        }
        if server.token:
            headers["X-Log10-Token"] = server.token
        if server.organization_id:
            headers["X-Log10-Organization"] = server.organization_id
        if path == _BATCH and len(body) >= COMPRESS_FROM_BYTES and not _is_loopback(server.url):
            headers["Content-Encoding"] = "gzip"
            body = _gzip(body)
        limits = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
        extensions = {"timeout": limits, "trace": self._trace}
        request = httpx.Request(
            "POST", server.url + path, headers=headers, content=body, extensions=extensions
        )
        try:
            response = self._client_of(server.url).handle_request(request)
            try:
                self._socket = response.extensions["network_stream"].get_extra_info("socket")
                return Reply(response.status_code, response.headers, _read(response, timeout))
            finally:
                response.close()
        except (httpx.HTTPError, OSError) as error:
            return Answer(Verdict.AGAIN, message=f"{type(error).__name__}: {error}")

    def _trace(self, event: str, _info: Mapping[str, Any]) -> None:
        if event.endswith(".complete"):
            self._progress()

    def _client_of(self, url: str) -> httpx.HTTPTransport:
        """The open connection to ``url``. A transport, not a client: a client logs every request at INFO."""
        if self._client is None or self._client_for != url:
            self.close()
            limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=60)
            verify = url.startswith("https:") or _PLAIN
            self._client = httpx.HTTPTransport(verify=verify, limits=limits, proxy=_proxy(url))
            self._client_for = url
        return self._client

    def close(self) -> None:
        """Close the connection; the next ``send`` opens a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def abandon(self) -> None:
        """Forget a connection that belongs to the process we were forked from, without a word on its wire."""
        if self._socket is not None and self._socket.fileno() >= 0:
            socket.close(self._socket.detach())
        self._client = self._socket = None


def _read(response: httpx.Response, timeout: float) -> bytes:
    """The body of an answer, as long as it is of reasonable size and comes in reasonable time."""
    until = time.monotonic() + timeout
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > ANSWER_MAX_BYTES or time.monotonic() > until:
            message = "the answer does not end"
            raise httpx.ReadTimeout(message)
    return bytes(body)


def _gzip(body: bytes) -> bytes:
    press = zlib.compressobj(level=1, wbits=31)
    return press.compress(body) + press.flush()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for ``url``."""
    parts = urlsplit(url)
    if _is_loopback(url) or proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme) or getproxies().get("all")
