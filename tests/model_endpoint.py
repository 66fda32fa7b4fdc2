"""A model endpoint over real HTTP on 127.0.0.1: scripted answers, and sensible ones where none is scripted.

``with model_endpoint() as endpoint:`` gives its ``url`` (ends in ``/v1``), takes answers with
``endpoint.script(json_answer(...), sse_answer(...))`` and remembers what it ``received``. A request with the
header ``x-answer`` gets the answers kept under that name; one with ``x-replay-id`` the recorded exchange of
that id, status, content type and bytes as they were recorded.
"""

from __future__ import annotations

import importlib
import json
import socket
import struct
import sys
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.model_answers import default_body

PATIENCE_S = 60.0
"""How long an answer waits for the event it is held back by; reached only when a test went wrong."""

Piece = bytes | threading.Event
"""Bytes to send in one write, or an event to wait for before going on."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the endpoint answers to one request."""

    status: int = 200
    content_type: str = "application/json"
    pieces: Sequence[Piece] = ()
    chunked: bool = False
    """Sent piece by piece as it is written, rather than whole with its length."""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """The connection breaks after the last piece, before the body's end."""
    silent: bool = False
    """The connection breaks before any answer."""
    held: threading.Event | None = None
    """Nothing is answered, no status either, before this event."""


def json_answer(body: Any, *, status: int = 200, **more: Any) -> Answer:
    """A JSON body, whole; ``bytes`` are sent as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, pieces=(raw,), **more)


def error_answer(status: int, message: str = "no", **more: Any) -> Answer:
    """An error of the form the API uses."""
    return json_answer({"error": {"message": message, "type": "x", "code": None}}, status=status, **more)


def sse(*events: Any, done: bool = True) -> list[bytes]:
    """Server-sent events, one piece each: ``bytes`` and ``str`` stand as they are, all else as JSON data."""
    return [_event(event) for event in events] + ([b"data: [DONE]\n\n"] if done else [])


def _event(event: Any) -> bytes:
    if isinstance(event, bytes):
        return event
    if isinstance(event, str):
        return event.encode()
    name = b"" if "choices" in event else f"event: {event.get('type')}\n".encode() if "type" in event else b""
    return name + b"data: " + json.dumps(event).encode() + b"\n\n"


def sse_answer(*pieces: Piece, **more: Any) -> Answer:
    """A stream of server-sent events, sent piece by piece; an event among the pieces holds the rest back."""
    return Answer(content_type="text/event-stream", pieces=pieces, chunked=True, **more)


def encoded(answer: Answer, coding: str) -> Answer:
    """The same answer in a content coding: gzip, deflate, br or zstd; each piece is flushed on its own."""
    press, finish = _compressor(coding)
    pieces = [piece if isinstance(piece, threading.Event) else press(piece) for piece in answer.pieces]
    return Answer(
        status=answer.status,
        content_type=answer.content_type,
        pieces=[*pieces, finish()],
        chunked=answer.chunked,
        headers={**answer.headers, "content-encoding": coding},
        cut=answer.cut,
    )


def _compressor(coding: str) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if coding == "br":
        import brotli

        packer = brotli.Compressor()
        return lambda piece: packer.process(piece) + packer.flush(), packer.finish
    if coding == "zstd":
        library = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
        zstd = importlib.import_module(library).ZstdCompressor()
        return lambda piece: zstd.compress(piece, zstd.FLUSH_BLOCK), zstd.flush
    deflate = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
    return lambda piece: deflate.compress(piece) + deflate.flush(zlib.Z_SYNC_FLUSH), deflate.flush


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Endpoint:
    """The endpoint while it runs. Safe to script from any thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.has_received = threading.Event()
        self.named: dict[str, deque[Answer]] = {}
        self.exchanges: dict[str, dict[str, Any]] = {}
        """Recorded exchanges by id, for ``x-replay-id``."""
        self._scripted: deque[Answer] = deque()
        self._lock = threading.Lock()

    def script(self, *answers: Answer, name: str | None = None) -> None:
        """Give these answers next, in this order; ``name`` keeps them for requests with that ``x-answer``."""
        with self._lock:
            queue = self._scripted if name is None else self.named.setdefault(name, deque())
            queue.extend(answers)

    def reset(self) -> None:
        """Forget what was scripted and what was received."""
        with self._lock:
            self.received = []
            self.has_received.clear()
            self.named = {}
            self._scripted.clear()

    def answer_to(self, request: Received) -> Answer:
        """The answer that is due."""
        with self._lock:
            self.received.append(request)
            self.has_received.set()
            if replayed := request.headers.get("x-replay-id"):
                return _replay(self.exchanges[replayed])
            queue = self.named.get(request.headers.get("x-answer", ""), self._scripted)
            if queue:
                return queue.popleft()
        body = default_body(request.path, request.body)
        if not isinstance(body, list):
            return json_answer(body)
        # Anthropic's streams end with an event, not with a word.
        return sse_answer(*sse(*body, done=body[-1].get("type") != "message_stop"))


def _replay(exchange: dict[str, Any]) -> Answer:
    body = exchange["body"].encode("utf-8", "surrogatepass")
    return Answer(
        status=exchange["status"],
        content_type=exchange["content_type"],
        pieces=[body[at : at + 700] for at in range(0, len(body), 700)],
        chunked=True,
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    endpoint: Endpoint

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's word
        pass

    def do_POST(self) -> None:
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.endpoint.answer_to(Received(self.command, self.path, headers, body))
        try:
            self._send(answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_DELETE = do_POST  # noqa: N815 -- the base class's words

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer) -> None:
        if answer.held is not None:
            assert answer.held.wait(PATIENCE_S), "the event that the answer waits for never came"
        if answer.silent:
            self._break()
            return
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        self.send_header("x-request-id", f"req_{len(self.endpoint.received)}")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if not answer.chunked:
            whole = b"".join(piece for piece in answer.pieces if isinstance(piece, bytes))
            self.send_header("content-length", str(len(whole) + answer.cut))
        else:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in answer.pieces:
            if isinstance(piece, threading.Event):
                self.wfile.flush()
                assert piece.wait(PATIENCE_S), "the event that the answer waits for never came"
            elif piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
        if answer.cut:
            self._break()
        elif answer.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _break(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_WR)
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error here."""


@contextmanager
def model_endpoint() -> Iterator[Endpoint]:
    """An endpoint on a free port while the block runs."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    handler.endpoint = endpoint = Endpoint(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
