"""Requests to the completions API: how records go over the wire and what its answers mean for each.

No threads and no retries here: one call of ``send`` is one attempt.
"""

from __future__ import annotations

import ssl
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import h11
import httpx

from log10_trace import __version__
from log10_trace.errors import ConfigError
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
from log10_trace.export.connection import Connection, Request
from log10_trace.export.deadline import Deadline
from log10_trace.export.retry import Verdict, is_absent, verdict
from log10_trace.network import find_tls_problem, is_loopback, make_tls_context

BATCH_ITEMS: Final = 500
SINGLE_ITEMS: Final = 16
"""So few at a time, where each is a request, that stop and flush are heard in between."""
COMPRESS_FROM_BYTES: Final = 1400
"""Less fits into one packet anyway."""

_SUPPRESSED: Final = ("suppress_instrumentation", "suppress_http_instrumentation")
_COMPLETIONS: Final = "/api/v1/completions"
_BATCH: Final = f"{_COMPLETIONS}/batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A completions API and what it asks for."""

    url: str
    token: str | None = None
    organization_id: str | None = None
    ca_file: Path | None = None
    """The certificates that its own is verified with; without it, the usual ones."""


class Transport:
    """Sends records to a server over one connection that is kept open. Used by one thread at a time."""

    def __init__(self, progress: Callable[[], None] = lambda: None) -> None:
        """Call ``progress`` whenever the network has moved: connected, sent, answered."""
        self._progress = progress
        self._connection: Connection | None = None
        self._connected_to: tuple[str, Path | None] | None = None
        self._tls: tuple[Path | None, ssl.SSLContext] | None = None
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
        if path == _BATCH and len(body) >= COMPRESS_FROM_BYTES and not is_loopback(server.url):
            headers["Content-Encoding"] = "gzip"
            body = _gzip(body)
        return self._exchange(server, Request("POST", path, list(headers.items()), body), timeout)

    def get(self, server: Server, path: str, timeout: float) -> Reply | Answer:
        """The answer to a question; ``AGAIN`` when none came within ``timeout`` seconds."""
        return self._exchange(server, Request("GET", path, [("Accept", "application/json")]), timeout)

    def _exchange(self, server: Server, request: Request, timeout: float) -> Reply | Answer:
        deadline = Deadline(timeout)
        try:
            with _suppressing_instrumentation():
                reply = self._ask(server, request, deadline)
        except TimeoutError as error:
            return self._fail(f"no answer within {timeout:g} s", error)
        except (OSError, h11.ProtocolError, ConfigError) as error:
            problem = find_tls_problem(error)
            self._tls = None if problem else self._tls  # other certificates may be there the next time
            return self._fail(str(problem or f"{type(error).__name__}: {error}"), error)
        except BaseException:
            self.close()
            raise
        return reply

    def _ask(self, server: Server, request: Request, deadline: Deadline) -> Reply:
        """The reply over the open connection, or over a new one."""
        connection = self._reusable(server)
        if connection is not None:
            with suppress(ConnectionError):  # the server may close it, being idle, at this very moment
                return connection.exchange(request, deadline)
        return self._connect(server, deadline).exchange(request, deadline)

    def _fail(self, message: str, cause: Exception) -> Answer:
        self.close()
        return Answer(Verdict.AGAIN, message=message, cause=cause)

    def _reusable(self, server: Server) -> Connection | None:
        """The connection to ``server`` that another request may go over."""
        connection = self._connection
        is_its = self._connected_to == (server.url, server.ca_file)
        return connection if connection is not None and is_its and connection.is_reusable else None

    def _connect(self, server: Server, deadline: Deadline) -> Connection:
        """A new connection to ``server``."""
        self.close()
        self._connection = Connection(
            server.url,
            tls=partial(self._tls_context, server.ca_file),
            deadline=deadline,
            progress=self._progress,
        )
        self._connected_to = (server.url, server.ca_file)
        return self._connection

    def _tls_context(self, ca_file: Path | None) -> ssl.SSLContext:
        """What verifies certificates; kept, for to read them takes 20 ms.

        Raises:
            ConfigError: the certificates to be trusted cannot be read.
        """
        if self._tls is None or self._tls[0] != ca_file:
            context = make_tls_context(ca_file)
            context.set_alpn_protocols(["http/1.1"])
            self._tls = (ca_file, context)
        return self._tls[1]

    def close(self) -> None:
        """Close the connection; the next ``send`` opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def abandon(self) -> None:
        """Forget a connection that belongs to the process we were forked from, without a word on its wire."""
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None


@contextmanager
def _suppressing_instrumentation() -> Iterator[None]:
    """Mark what runs in the block as none of OpenTelemetry's business, where the program has imported it."""
    context: Any = sys.modules.get("opentelemetry.context")
    if context is None or not hasattr(context, "attach"):
        yield
        return
    marked = context.get_current()
    for name in _SUPPRESSED:
        own_key = getattr(context, f"_{name.upper()}_KEY", name)
        marked = context.set_value(own_key, True, context.set_value(name, True, marked))
    token = context.attach(marked)
    try:
        yield
    finally:
        context.detach(token)


def _gzip(body: bytes) -> bytes:
    press = zlib.compressobj(level=1, wbits=31)
    return press.compress(body) + press.flush()
