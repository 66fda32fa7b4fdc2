"""A proxy on a thread of the test's process, and clients that send what they like."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from log10_trace.instrument.recording import CaptureConfig
from log10_trace.proxy.exchange_recording import Recorder
from log10_trace.proxy.route import find_route
from log10_trace.proxy.run import Proxy
from log10_trace.proxy.target import parse_target
from log10_trace.record.call import Call
from log10_trace.server.running.bind import listening_socket
from tests.instrument.conftest import Kept
from tests.model_endpoint import Endpoint, model_endpoint

PATIENCE_S = 60.0


class Sink(Kept):
    """Keeps the records, and tells when one has come."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        """The calls whose beginning was kept before their end."""
        self._changed = threading.Condition()

    def keep_started(self, call: Call) -> None:
        """Note that the beginning of a call is kept."""
        self.shown.append(call.id)

    def on_end(self, call: Call) -> None:
        """Keep the record."""
        with self._changed:
            super().on_end(call)
            self._changed.notify_all()

    def wait_for(self, count: int = 1) -> list[dict[str, Any]]:
        """The records, once there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.payloads) >= count, PATIENCE_S), "no record came"
        return self.records


@dataclass
class RunningProxy:
    """A proxy that runs."""

    port: int
    sink: Sink
    proxy: Proxy
    loop: asyncio.AbstractEventLoop
    stopped: asyncio.Event = field(repr=False)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)

    def ask(self, request: bytes) -> bytes:
        """Send bytes, and read what comes until the connection is closed."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_all(connection)

    def stop(self) -> None:
        """Have it end."""
        self.loop.call_soon_threadsafe(self.stopped.set)


def read_all(connection: socket.socket) -> bytes:
    """Everything up to the end; a reset is one."""
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """What comes, up to and including ``end``."""
    data = b""
    while end not in data:
        piece = connection.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    return data


def read_response(raw: bytes, method: str = "GET") -> tuple[int, str, list[tuple[str, str]], bytes]:
    """Status, reason, fields and body of a response, as the standard library reads them."""

    class Bytes:
        def makefile(self, *_: Any) -> Any:
            import io

            return io.BytesIO(raw)

    response = http.client.HTTPResponse(Bytes(), method=method)  # type: ignore[arg-type]
    response.begin()
    return response.status, response.reason, response.getheaders(), response.read()


@contextmanager
def running_proxy(
    to: str,
    *,
    stop_timeout_s: float = 0.0,
    capture: dict[str, Any] | None = None,
    tls: ssl.SSLContext | None = None,
    **more: Any,
) -> Iterator[RunningProxy]:
    """A proxy to ``to`` on a free port while the block runs; ``capture`` has settings of the recording."""
    sink, target = Sink(), parse_target(to)
    route = find_route(target, tls)
    recorder = Recorder(CaptureConfig(sink, **capture or {}), target, sink.keep_started)
    made: list[RunningProxy] = []
    ready = threading.Event()

    async def serve() -> None:
        proxy, stopped = Proxy(route, recorder=recorder, **more), asyncio.Event()
        loop = asyncio.get_running_loop()
        made.append(RunningProxy(bound.getsockname()[1], sink, proxy, loop, stopped))
        await proxy.serve(bound, ready.set, stopped, stop_timeout_s)

    with listening_socket("127.0.0.1", 0) as bound:
        thread = threading.Thread(target=asyncio.run, args=(serve(),))
        thread.start()
        try:
            assert ready.wait(PATIENCE_S), "the proxy does not listen"
            yield made[0]
        finally:
            if thread.is_alive():
                made[0].stop()
            thread.join()


@pytest.fixture(scope="session")
def shared_model() -> Iterator[Endpoint]:
    """One endpoint for all tests of a run."""
    with model_endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(shared_model: Endpoint) -> Endpoint:
    """The endpoint, with nothing scripted and nothing received."""
    shared_model.reset()
    return shared_model


@pytest.fixture
def proxy(endpoint: Endpoint) -> Iterator[RunningProxy]:
    """A proxy to the endpoint."""
    with running_proxy(endpoint.url) as running:
        yield running
