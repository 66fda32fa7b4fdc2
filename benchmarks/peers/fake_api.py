"""The other side of the loss table: a model that answers, and an API that any of the libraries delivers to.

The API speaks as much of each vendor's protocol as its library needs in order to deliver, takes whatever is
posted, and looks in it for the numbers that the program put into its questions and the model into its
answers. It can be told to be down, or never to answer; the model answers always.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

from benchmarks.peers.protocols import answer_to
from benchmarks.peers.questions import ANSWER, ANSWERED, ASKED, WARM_UP

Mode = Literal["up", "down", "silent"]


class FakeApi:
    """The API while it runs, on a port of its own; ``mode`` may be set at any time."""

    def __init__(self) -> None:
        self.mode: Mode = "up"
        self._asked: set[int] = set()
        self._answered: Counter[tuple[str, int]] = Counter()
        self._closed = threading.Event()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop, and let go of whoever still waits."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def arrived(self) -> int:
        """Records of which both the question and the answer are here."""
        return len({number for _, number in self._answered} & self._asked)

    @property
    def twice(self) -> int:
        """Answers that were taken more than once at the same address."""
        return sum(count - 1 for count in self._answered.values())

    def take(self, path: str, body: bytes) -> None:
        """Note which records are in ``body``."""
        self._asked |= _numbers(ASKED, body)
        self._answered.update((path, number) for number in _numbers(ANSWERED, body))

    def wait_for_close(self) -> None:
        """Never answer."""
        self._closed.wait()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: killed clients are the point."""


class _Handler(BaseHTTPRequestHandler):
    api: FakeApi
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """Head and body in one packet: apart, the second waits 40 ms for the first's acknowledgement."""

    def do_GET(self) -> None:
        body = self._body()
        if self.path.startswith("/model/"):
            self._reply(200, _model_answer(body))
        elif self.api.mode == "silent":
            self.api.wait_for_close()
            self.close_connection = True
        elif self.api.mode == "down":
            self._reply(503, {})
        else:
            body = _DECODERS[self.headers.get("Content-Encoding", "identity")](body)
            self.api.take(self.path, body)
            self._reply(200, answer_to(self.path, body, self.api.url))

    do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 -- the base class looks for these names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size + 2)[:-2]
        self.rfile.readline()
        return body

    def _reply(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""


def _numbers(mark: re.Pattern[bytes], body: bytes) -> set[int]:
    return {number for number in map(int, mark.findall(body)) if number < WARM_UP}


def _model_answer(body: bytes) -> dict[str, Any]:
    text = ANSWER.format(ASKED.findall(body[-200:])[-1].decode()) + "because of the air. " * 50
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 20, "completion_tokens": 200, "total_tokens": 220}
    head = {"id": "chatcmpl-benchmark", "object": "chat.completion", "created": 1_790_000_000}
    return {**head, "model": "gpt-4o", "choices": [choice], "usage": usage}


def _zstd(body: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 -- there when a library that compresses with it is

    return bytes(zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read())


def _brotli(body: bytes) -> bytes:
    import brotli  # noqa: PLC0415 -- as above

    return bytes(brotli.decompress(body))


_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "zstd": _zstd,
    "br": _brotli,
}
