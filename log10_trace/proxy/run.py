"""``proxy``: assembles port, connections and delivery, and runs until it is stopped."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
import threading
from asyncio import sslproto
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from log10_trace.config import Config, resolve
from log10_trace.errors import SetupError
from log10_trace.export import Delivery
from log10_trace.export.http.proxies import describe_proxy
from log10_trace.guard import guard, logger
from log10_trace.instrument.recording import CaptureConfig, open_streams
from log10_trace.instrument.sampling import Sampling
from log10_trace.network import is_loopback, make_tls_context
from log10_trace.proxy.client_connection import ClientConnection
from log10_trace.proxy.exchange_recording import Recorder
from log10_trace.proxy.pool import Pool
from log10_trace.proxy.route import Route, find_route
from log10_trace.proxy.target import Target, parse_target
from log10_trace.server.running import bind, log_setup

GC_THRESHOLD: Final = 50_000
"""New objects until Python looks for cycles among them: with Python's 700 it looks through the thousands of
objects of open streams again and again."""
TLS_BUFFER_BYTES: Final = 32 * 1024
"""Of a connection with TLS: asyncio's 256 KiB for each are most of the memory of a thousand open streams."""
_MAX_TURNS: Final = 100
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the proxy; the help of the command's options describes each."""

    to: str
    host: str = "127.0.0.1"
    port: int = 0
    ca_file: Path | None = None
    connect_timeout_s: float = 10.0
    read_timeout_s: float | None = None
    stop_timeout_s: float = 20.0
    log_level: str = "info"


class Proxy:
    """What all connections share. Used on the event loop only."""

    def __init__(
        self,
        route: Route,
        *,
        recorder: Recorder | None,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float | None = None,
    ) -> None:
        """Without a ``recorder`` everything passes and nothing is recorded."""
        self.route = route
        self.target = route.target
        self.origin, self.forwarder_fields = route.origin, route.fields
        self.authority = route.target.authority.encode("ascii")
        self.recorder = recorder
        self.read_timeout_s = read_timeout_s
        self.pool = Pool(route, connect_timeout_s)
        self.clients: set[ClientConnection] = set()
        self.is_stopping = False
        self._on_empty: asyncio.Event | None = None

    async def serve(
        self, bound: socket.socket, ready: Callable[[], None], stopped: asyncio.Event, stop_timeout_s: float
    ) -> None:
        """Take connections on ``bound`` until ``stopped``; what is under way then may take so long.

        Args:
            bound: The socket that listens.
            ready: Called once connections are taken.
            stopped: Ends it; set again while it ends, it does not wait any longer.
            stop_timeout_s: Seconds for the exchanges that are under way.
        """
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: ClientConnection(self), sock=bound, backlog=2048)
        ready()
        await stopped.wait()
        stopped.clear()
        server.close()
        await self._finish_exchanges(stopped, stop_timeout_s)
        self.pool.close()
        # The loop tells each that it is closed, and a client ends its exchange then.
        for _ in range(_MAX_TURNS):
            if self.clients or self.pool.open:
                await asyncio.sleep(0)

    async def _finish_exchanges(self, stopped: asyncio.Event, timeout_s: float) -> None:
        self.is_stopping = True
        self._on_empty = asyncio.Event()
        for client in list(self.clients):
            if client.is_idle:
                client.close()
        self.on_client_closed()
        waits = [asyncio.ensure_future(each.wait()) for each in (self._on_empty, stopped)]
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        left = list(self.clients)
        if left:
            logger.warning("log10_trace: %d connections are closed in the middle of an exchange", len(left))
        for client in left:
            client.abort()

    def on_client_closed(self) -> None:
        """A client's connection is closed."""
        if self._on_empty is not None and not self.clients:
            self._on_empty.set()


def run(settings: Settings, print_line: Callable[[str], None]) -> None:
    """Pass requests on until SIGTERM or SIGINT; every record is on disk before this returns.

    Args:
        settings: How.
        print_line: Called with what a person is to know once it listens.

    Raises:
        ConfigError: a setting of the records (LOG10_...) or the file of ``ca_file`` cannot be used.
        SetupError: the target cannot be used, or the port is in use.
    """
    target = parse_target(settings.to)
    config = resolve()
    tls = make_tls_context(settings.ca_file) if target.scheme == "https" else None
    route = find_route(target, tls)
    delivery = None if config.disabled else Delivery(config)
    with bind.listening_socket(settings.host, settings.port) as bound:
        _refuse_itself(target, bound)
        log_setup.configure_logging(settings.log_level)
        _raise_limits()
        sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
        proxy = Proxy(
            route,
            recorder=_make_recorder(delivery, config, target),
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.read_timeout_s,
        )
        try:
            asyncio.run(_serve_until_signal(proxy, bound, settings, print_line))
        finally:
            if delivery is not None:
                _deliver(delivery)


def _refuse_itself(target: Target, bound: socket.socket) -> None:
    if is_loopback(target.url) and target.port == bound.getsockname()[1]:
        raise SetupError(f"--to {target.url} is the address of the proxy itself. Name the API.")


async def _serve_until_signal(
    proxy: Proxy, bound: socket.socket, settings: Settings, print_line: Callable[[str], None]
) -> None:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():  # no other hears signals
        for each in _STOP_SIGNALS:
            loop.add_signal_handler(each, stopped.set)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{bound.getsockname()[1]}"

    def ready() -> None:
        print_line(f"log10-trace: listening on {url}, passing requests to {proxy.target.url}")
        print_line(f"log10-trace: set the base URL of your SDK to {url}{proxy.target.prefix}")
        if not is_loopback(url):
            print_line("log10-trace: other machines can reach this address; their keys come unencrypted")
        if proxy.route.proxy is not None:
            print_line(f"log10-trace: requests go through {describe_proxy(proxy.route.proxy)}")
        if proxy.recorder is None:
            print_line("log10-trace: LOG10_DISABLED is set: nothing is recorded")

    await proxy.serve(bound, ready, stopped, settings.stop_timeout_s)


def _make_recorder(delivery: Delivery | None, config: Config, target: Target) -> Recorder | None:
    if delivery is None:
        return None
    delivery.resolver.resolve()
    sink = delivery.sink
    sampling = Sampling(config.sample_rate, config.keep_failures, sink.count_left_out)
    capture = CaptureConfig(sink, config.tags, config.metadata or None, config.organization_id, sampling)
    return Recorder(capture, target, sink.keep_started)


def _deliver(delivery: Delivery) -> None:
    """Record what is still open as left there, and deliver what goes through."""
    for recording in open_streams():
        with guard("finishing open exchanges"):
            recording.finish(interrupted=True)
    delivery.exit()


def _raise_limits() -> None:
    """Take as many connections as the system allows, and two for each open stream."""
    gc.set_threshold(GC_THRESHOLD)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with guard("raising the limit of open files"):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
