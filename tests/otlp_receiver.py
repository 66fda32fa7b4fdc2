"""An OTLP receiver over real HTTP on 127.0.0.1 that fails on command; what it takes is decoded, in memory."""

from __future__ import annotations

import gzip
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Answer = tuple[int, bytes, dict[str, str]]
Behaviour = Callable[[Sequence[Span]], Answer]


def take(_spans: Sequence[Span]) -> Answer:
    """Take all of them."""
    return 200, ExportTraceServiceResponse().SerializeToString(), {}


def status(code: int, body: bytes = b"told to", **headers: str) -> Behaviour:
    """Answer every request with this status."""
    return lambda _: (code, body, {name.replace("_", "-"): value for name, value in headers.items()})


def partial(rejected: int, message: str) -> Behaviour:
    """Take the request, and say that so many of its spans were not taken."""
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = message
    return lambda _: (200, response.SerializeToString(), {})


def refuse(is_bad: Callable[[Span], bool], code: int = 400) -> Behaviour:
    """Refuse every request that holds a bad span."""
    return lambda spans: (code, b"a bad span", {}) if any(map(is_bad, spans)) else take(spans)


@dataclass
class Receiver:
    """What was received."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], ExportTraceServiceRequest]] = field(default_factory=list)
    """Path, headers with names in lower case, and message of each request."""
    spans: list[Span] = field(default_factory=list)
    """Those that were taken, as often as they were."""
    pushes: list[tuple[dict[str, str], ExportMetricsServiceRequest]] = field(default_factory=list)
    """Headers and message of each request to ``/v1/metrics``, taken or not."""
    metrics_answer: Answer = (200, b"", {})
    """What requests to ``/v1/metrics`` are answered."""
    max_metrics_bytes: int | None = None
    """Larger requests to ``/v1/metrics`` are answered with 413."""
    taken_pushes: list[int] = field(default_factory=list)
    """Which of ``pushes`` were taken."""

    def __post_init__(self) -> None:
        self._usual: Behaviour = take
        self._next: deque[Behaviour] = deque()
        self._changed = threading.Condition()

    def behave(self, behaviour: Behaviour, *, times: int = 0) -> None:
        """Behave so from now on, or only for the next ``times`` requests."""
        with self._changed:
            if times:
                self._next.extend([behaviour] * times)
            else:
                self._usual = behaviour

    def receive(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to a request."""
        if path == "/v1/metrics":
            with self._changed:
                is_too_large = self.max_metrics_bytes is not None and len(body) > self.max_metrics_bytes
                answer = (413, b"", {}) if is_too_large else self.metrics_answer
                if answer[0] < 300:
                    self.taken_pushes.append(len(self.pushes))
                self.pushes.append((headers, ExportMetricsServiceRequest.FromString(body)))
                self._changed.notify_all()
            return answer
        message = ExportTraceServiceRequest.FromString(body)
        spans = [
            span
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._changed:
            self.requests.append((path, headers, message))
            behaviour = self._next.popleft() if self._next else self._usual
            answer = behaviour(spans)
            if answer[0] < 300:
                self.spans.extend(spans)
            self._changed.notify_all()
        return answer

    def wait_for(self, condition: Callable[[Receiver], Any], deadline_s: float = 120.0) -> None:
        """Wait until ``condition`` holds."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), deadline_s), "it was never received"

    def ids(self) -> list[str]:
        """The ids of the calls whose spans were taken, in order."""
        return [attributes(span)["log10.id"] for span in self.spans]


def attributes(span: Span) -> dict[str, Any]:
    """The attributes of a span, by name."""
    return {each.key: value_of(each.value) for each in span.attributes}


def value_of(value: AnyValue) -> Any:
    """The value of an attribute."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(each) for each in value.array_value.values]
    return getattr(value, kind)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        code, content, more = self.receiver.receive(self.path, headers, body)
        self.send_response(code)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    """A receiver on a port of its own, while the block runs."""
    receiver = Receiver()
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
