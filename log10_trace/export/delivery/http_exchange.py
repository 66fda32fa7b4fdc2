"""Exchanges with a server over a connection that is kept open: one attempt, no threads, no retries."""

from __future__ import annotations

import ssl
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import h11

from log10_trace.errors import ConfigError
from log10_trace.export.delivery.responses import RecordResult
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.server import Server
from log10_trace.export.http.connection import Connection, Request
from log10_trace.export.http.deadline import Deadline
from log10_trace.export.http.reply import HttpReply
from log10_trace.network import find_tls_problem, make_tls_context

COMPRESS_FROM_BYTES: Final = 1400
"""Less fits into one packet anyway."""

_SUPPRESSED: Final = ("suppress_instrumentation", "suppress_http_instrumentation")


class HttpExchange:
    """Sends requests to a server over one connection that is kept open. Used by one thread at a time."""

    def __init__(self, progress: Callable[[], None]) -> None:
        """Call ``progress`` whenever the network has moved: connected, sent, answered."""
        self._progress = progress
        self._connection: Connection | None = None
        self._connected_to: tuple[str, Path | None] | None = None
        self._tls: tuple[Path | None, ssl.SSLContext] | None = None

    def exchange(self, server: Server, request: Request, timeout: float) -> HttpReply | RecordResult:
        """The answer to a request; ``RETRY`` when none came within ``timeout`` seconds."""
        deadline = Deadline(timeout)
        try:
            # Else a tracer of HTTP libraries would report our requests as the program's.
            with _suppressing_instrumentation():
                reply = self._ask(server, request, deadline)
        # Before OSError, of which it is one.
        except TimeoutError as error:
            return self._fail(f"no answer within {timeout:g} s", error)
        except (OSError, h11.ProtocolError, ConfigError) as error:
            problem = find_tls_problem(error)
            self._tls = None if problem else self._tls  # other certificates may be there the next time
            return self._fail(str(problem or f"{type(error).__name__}: {error}"), error)
        # Interrupted half-way: the answer to this request would be read as that to the next.
        except BaseException:
            self.close()
            raise
        return reply

    def _ask(self, server: Server, request: Request, deadline: Deadline) -> HttpReply:
        """The reply over the open connection, or over a new one."""
        connection = self._reusable(server)
        if connection is not None:
            with suppress(ConnectionError):  # the server may close it, being idle, at this very moment
                return connection.exchange(request, deadline)
        return self._connect(server, deadline).exchange(request, deadline)

    def _fail(self, message: str, cause: Exception) -> RecordResult:
        was_connected = self._connection is not None
        self.close()
        return RecordResult(Disposition.RETRY, message=message, cause=cause, connected=was_connected)

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
            # The only version that is spoken here.
            context.set_alpn_protocols(["http/1.1"])
            self._tls = (ca_file, context)
        return self._tls[1]

    def close(self) -> None:
        """Close the connection; the next ``send`` opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def detach_after_fork(self) -> None:
        """Forget a connection that belongs to the process we were forked from, without a word on its wire."""
        if self._connection is not None:
            self._connection.detach_after_fork()
            self._connection = None


@contextmanager
def _suppressing_instrumentation() -> Iterator[None]:
    """Mark what runs in the block as none of OpenTelemetry's business, where the program has imported it."""
    # Not imported: a child that is forked while this thread imports a module could never import it.
    context: Any = sys.modules.get("opentelemetry.context")
    if context is None or not hasattr(context, "attach"):
        yield
        return
    marked = context.get_current()
    for name in _SUPPRESSED:
        # Some instrumentations ask for the plain name, others for the key that OpenTelemetry has made of it.
        own_key = getattr(context, f"_{name.upper()}_KEY", name)
        marked = context.set_value(own_key, True, context.set_value(name, True, marked))
    token = context.attach(marked)
    try:
        yield
    finally:
        context.detach(token)


def compress(pieces: Iterable[bytes]) -> bytes:
    """A body, given in pieces, in gzip."""
    # Level 1 halves a record of the usual size at some 18,000 records a second. 31: with the header of gzip.
    press = zlib.compressobj(level=1, wbits=31)
    return b"".join([*map(press.compress, pieces), press.flush()])
