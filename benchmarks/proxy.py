"""What the recording proxy adds to a call: time beside a direct call, processor time, memory of open streams.

    python benchmarks/proxy.py [--calls 2000] [--streams 1000] [--tls]

A model endpoint that answers at once, ``log10-trace proxy`` before it in a process of its own, and a client
that calls both in turn, over connections that stay open. Prints medians of the time to the first byte and to
the whole response, the processor time that the proxy takes for a request, and its resident memory while so
many streams are open. Records wait in a spool of the benchmark's own. With
``--tls`` the endpoint speaks TLS, to the proxy and to the client that calls it directly.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

BODY = b'{"model":"m","stream":%s,"messages":[{"role":"user","content":"' + b"word " * 400 + b'"}]}'
PLAIN = b'{"id":"c","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":' + (
    b'{"role":"assistant","content":"' + b"word " * 400 + b'"}}]}'
)
EVENT = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
CHUNK = b"%x\r\n%s\r\n" % (len(EVENT), EVENT)
PLAIN_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(PLAIN),
    PLAIN,
)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
STREAM_END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
TICKS = os.sysconf("SC_CLK_TCK")


class Model(asyncio.Protocol):
    """Answers each request with a response, or with a stream that stays open where the path says so."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer, once the request is whole."""
        self._data += data
        if not self._data.endswith(b'"}]}'):
            return
        asked, self._data = self._data, b""
        if b'"stream":false' in asked:
            self._transport.write(PLAIN_ANSWER)
            return
        self._transport.write(STREAM_HEAD + CHUNK)
        if b"/open/" not in asked.partition(b"\r\n")[0]:
            asyncio.get_running_loop().call_soon(self._transport.write, CHUNK * 20 + STREAM_END)


@dataclass(frozen=True)
class Tls:
    """What an endpoint with TLS and its clients need."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    authority: Path
    """The file with the certificate that clients trust."""


def make_tls(folder: str) -> Tls:
    """A new authority and a certificate of this machine."""
    trustme = importlib.import_module("trustme")
    made, authority = trustme.CA(), Path(folder, "authority.pem")
    made.cert_pem.write_to_path(str(authority))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("127.0.0.1").configure_cert(server)
    return Tls(server, ssl.create_default_context(cafile=str(authority)), authority)


@contextmanager
def model(tls: Tls | None) -> Iterator[int]:
    """The endpoint's port, while it runs on a thread."""
    loop = asyncio.new_event_loop()
    bound = socket.create_server(("127.0.0.1", 0), backlog=2048)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    context = tls.server if tls is not None else None
    server = loop.run_until_complete(loop.create_server(Model, sock=bound, backlog=2048, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@contextmanager
def proxy(port: int, home: str, tls: Tls | None) -> Iterator[tuple[int, int]]:
    """The proxy's port and process, while it runs."""
    line = [
        sys.executable,
        "-m",
        "log10_trace",
        "proxy",
        "--to",
        f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1",
        "--port",
        "0",
        *(["--ca", str(tls.authority)] if tls else []),
    ]
    environ = {**os.environ, "LOG10_HOME": home, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*line, "--log-level", "warning"], stdout=subprocess.PIPE, text=True, env=environ
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            url = urlsplit(said.partition("listening on ")[2].partition(",")[0])
            yield url.port or 0, process.pid
        finally:
            process.terminate()


def request(path: str, *, streamed: bool) -> bytes:
    """A call of a chat completion."""
    body = BODY % (b"true" if streamed else b"false")
    head = f"POST {path}/chat/completions HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer sk-0123456789\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def connect(port: int, tls: Tls | None = None) -> socket.socket:
    """A connection that sends at once."""
    made = socket.create_connection(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.client.wrap_socket(made, server_hostname="127.0.0.1") if tls else made


def call(connection: socket.socket, asked: bytes, end: bytes) -> tuple[float, float]:
    """Seconds to the first byte of the response, and to its end."""
    began = time.perf_counter()
    connection.sendall(asked)
    seen = connection.recv(65536)
    first = time.perf_counter() - began
    while not seen.endswith(end):
        seen += connection.recv(65536)
    return first, time.perf_counter() - began


def processor_s(pid: int) -> float:
    """Processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid: int) -> float:
    """Memory that a process has in use."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def measure_calls(direct: int, through: int, pid: int, calls: int, tls: Tls | None) -> None:
    """Call both ways in turn, and print what the proxy adds."""
    for name, streamed, end in (("plain", False, b"}}]}"), ("stream", True, STREAM_END[-7:])):
        asked = request("/v1", streamed=streamed)
        with connect(direct, tls) as one, connect(through) as other:
            for _ in range(50):
                call(one, asked, end)
                call(other, asked, end)
            before = processor_s(pid)
            pairs = [(call(one, asked, end), call(other, asked, end)) for _ in range(calls)]
            used = (processor_s(pid) - before) / calls
        for what, at in (("first byte", 0), ("whole", 1)):
            plain = statistics.median(pair[0][at] for pair in pairs) * 1000
            proxied = statistics.median(pair[1][at] for pair in pairs) * 1000
            print(f"{name:7} {what:11} {plain:7.3f} ms direct {proxied:7.3f} ms through", end=" ")
            print(f"{proxied - plain:+7.3f} ms")
        print(f"{name:7} {'processor':11} {used * 1e6:7.0f} us of the proxy for a request")


def measure_memory(through: int, pid: int, streams: int) -> None:
    """Open streams, and print the memory while they are open."""
    before = resident_mib(pid)
    asked = request("/v1/open", streamed=True)
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(through)) for _ in range(streams)]
        for each in opened:
            each.sendall(asked)
        for each in opened:
            seen = b""
            while EVENT not in seen:
                seen += each.recv(65536)
        now = resident_mib(pid)
        print(f"{streams} open streams: {now:.0f} MiB resident, {before:.0f} MiB before them")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--tls", action="store_true", help="the endpoint speaks TLS")
    asked = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        tls = make_tls(home) if asked.tls else None
        direct = stack.enter_context(model(tls))
        through, pid = stack.enter_context(proxy(direct, home, tls))
        measure_calls(direct, through, pid, asked.calls, tls)
        measure_memory(through, pid, asked.streams)


if __name__ == "__main__":
    main()
