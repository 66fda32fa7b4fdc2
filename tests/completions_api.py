"""A completions API that fails on command: real HTTP on 127.0.0.1, what it stores in memory.

::

    with CompletionsAPI() as api:
        api.behave(status(503), times=3)      # the next three requests, then as told before
        api.behave(hang)                      # every request from now on
        ...
        assert api.ids() == [...]
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import Self

Record = dict[str, Any]


@dataclass
class Request:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    records: list[Record]
    connection: int
    body: bytes = b""
    """What was sent, its content coding taken off."""


Behaviour = Callable[["Exchange"], None]


@dataclass
class Exchange:
    """A request that waits for what the API does with it."""

    api: CompletionsAPI
    handler: BaseHTTPRequestHandler
    request: Request

    def store(self) -> None:
        """Keep the records of the request."""
        self.api.keep(self.request.records)

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        """Send this answer."""
        content = b"" if body is None else json.dumps(body).encode()
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.send_header("Content-Length", str(len(content)))
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def hang_up(self) -> None:
        """Cut the connection."""
        self.handler.close_connection = True
        self.handler.connection.shutdown(socket.SHUT_RDWR)


def work(exchange: Exchange) -> None:
    """Do what a completions API does."""
    api, request = exchange.api, exchange.request
    if not request.path.endswith("/batch"):
        refused = api.refusal(request.records[0])
        if refused is None:
            exchange.store()
        exchange.answer(*(refused or (201, request.records[0])))
        return
    if not api.has_batches:
        exchange.answer(404, {"code": "not_found", "message": "no such route"})
        return
    results = []
    for record in request.records:
        status, body = api.refusal(record) or (201, {})
        results.append({"id": record["id"], "status": status, **body})
        if status < 300:
            api.keep([record])
    exchange.answer(200 if all(each["status"] < 300 for each in results) else 207, {"results": results})


def status(code: int, **headers: str) -> Behaviour:
    """Answer every request with this status, and keep nothing."""

    def behave(exchange: Exchange) -> None:
        exchange.answer(code, {"code": "told_to", "message": "told to"}, **headers)

    return behave


def hang(exchange: Exchange) -> None:
    """Take the request and never answer, until the API is closed."""
    exchange.api.closing.wait()
    exchange.handler.close_connection = True


def cut(exchange: Exchange) -> None:
    """Cut the connection without an answer, and keep nothing."""
    exchange.hang_up()


def store_and_cut(exchange: Exchange) -> None:
    """Keep the records, begin a 2xx answer, and cut the connection before its end."""
    exchange.store()
    exchange.handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    exchange.hang_up()


def store_and_fail(exchange: Exchange) -> None:
    """Keep the records, and answer 500."""
    exchange.store()
    exchange.answer(500, {"code": "server_error", "message": "after storing"})


@dataclass
class CompletionsAPI:
    """A completions API on a port of its own, while the block runs."""

    has_batches: bool = True
    refusal: Callable[[Record], tuple[int, Any] | None] = lambda record: None
    """The status and body with which it refuses a record; none when it takes it."""
    requests: list[Request] = field(default_factory=list)
    stored: list[Record] = field(default_factory=list)
    """Every record as often as it was taken, in order."""
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._usual: Behaviour = work
        self._next: deque[Behaviour] = deque()
        self._changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self._connections = 0
        self._open: set[socket.socket] = set()
        self._reserved: socket.socket | None = None
        """Holds the port while nobody listens, so that no other program is given it."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self._release()

    def up(self) -> None:
        """Listen, at the same port as before."""
        self.closing.clear()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        self._port = self._server.server_port
        self._release()
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self) -> None:
        """Refuse connections from now on, and cut those that are open."""
        self.closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self._reserved = socket.socket()
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._reserved.bind(("127.0.0.1", self._port))
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _release(self) -> None:
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    def behave(self, behaviour: Behaviour, *, times: int = 0) -> None:
        """Behave so from now on, or only for the next ``times`` requests."""
        with self._changed:
            if times:
                self._next.extend([behaviour] * times)
            else:
                self._usual = behaviour

    def take(self, request: Request) -> Behaviour:
        """What to do with a request that has come."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            return self._next.popleft() if self._next else self._usual

    def keep(self, records: list[Record]) -> None:
        """Store these records."""
        with self._changed:
            self.stored.extend(records)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[Self], Any], deadline_s: float = 120.0) -> None:
        """Wait until ``condition`` holds of the API."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), deadline_s), "the API never saw it"

    def rows(self) -> dict[str, Record]:
        """What a table would hold: for every id the record that came last, a start never after an end."""
        rows: dict[str, Record] = {}
        for record in self.stored:
            if record["status"] != "started" or record["id"] not in rows:
                rows[record["id"]] = record
        return rows

    def ended(self) -> list[str]:
        """The ids of the calls whose end has arrived, in order."""
        return list(dict.fromkeys(each["id"] for each in self.stored if each["status"] != "started"))

    def sequences(self) -> dict[str, list[int]]:
        """The sequences that arrived of every source, in the order of their first arrival."""
        found: dict[str, list[int]] = {}
        for record in self.stored:
            if "sequence" in record:
                found.setdefault(record["source"], []).append(record["sequence"])
        return {source: list(dict.fromkeys(each)) for source, each in found.items()}

    def times(self) -> Counter[str]:
        """How often the last word on each id was stored."""
        return Counter(record["id"] for record in self.stored if record["status"] != "started")

    def connected(self, connection: socket.socket) -> int:
        """Take note of a new connection; its number."""
        with self._changed:
            self._open.add(connection)
            self._connections += 1
            return self._connections

    def disconnected(self, connection: socket.socket) -> None:
        """Take note that a connection has ended."""
        with self._changed:
            self._open.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: CompletionsAPI

    def setup(self) -> None:
        super().setup()
        self.number = self.api.connected(self.connection)

    def finish(self) -> None:
        self.api.disconnected(self.connection)
        with suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        records = [json.loads(line) for line in body.splitlines()]
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, records, self.number, body)
        behaviour = self.api.take(request)
        behaviour(Exchange(self.api, self, request))

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the sender is gone

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""
