"""Collectors side by side: what each stores a second, and what it loses of what it has acknowledged.

Phoenix and MLflow take OTLP spans over HTTP, ours takes completions. Each server is started as its
documentation says, on SQLite, and each record is sent in a request of its own over 32 connections, then again
50 in a request. Stored is what is in the database: the clock runs until the last acknowledged record is
there, or no more come. A peer takes part when its executable is on the PATH or named.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from benchmarks.load import Result, post_all
from benchmarks.peers import NO_TELEMETRY
from benchmarks.peers.servers import Collector, ours
from benchmarks.process_memory import pss_mb
from benchmarks.records import Maker

READY_S: Final = 180
NO_MORE_S: Final = 10
"""When nothing was added to a database for so long, nothing more will be."""
CONNECTIONS: Final = 32
TOGETHER: Final = 50
WARM_UP: Final = 100
REST_S: Final = 5


@dataclass(frozen=True, slots=True)
class Running:
    """A collector that answers."""

    collector: Collector
    folder: Path
    url: str
    process: subprocess.Popen[bytes]
    cold_start_s: float

    def memory_mb(self) -> float:
        """What it and its workers hold; what they share is counted once."""
        return sum(map(pss_mb, self._processes()))

    def _processes(self) -> Iterator[int]:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                group = int(stat.read_text().rsplit(")", 1)[1].split()[2])
            except OSError:  # it has just ended
                continue
            if group == self.process.pid:
                yield int(stat.parent.name)

    def post(self, records: Sequence[str], together: int) -> Result:
        """Send records, so many in each request."""
        groups = [list(records[first : first + together]) for first in range(0, len(records), together)]
        target = self.collector.target(self.folder, self.url, together > 1)
        return post_all([target], [self.collector.body(group) for group in groups], CONNECTIONS)

    def stored(self) -> int:
        """How many records its database holds."""
        address = f"file:{self.folder / self.collector.database}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as connection:
            return int(connection.execute(self.collector.count).fetchone()[0])

    def wait_for(self, count: int) -> float:
        """Wait until ``count`` records are stored, or no more come: when the last of them was."""
        last, seen = time.perf_counter(), self.stored()
        while seen < count and time.perf_counter() - last < NO_MORE_S:
            time.sleep(0.1)
            now = self.stored()
            if now > seen:
                last, seen = time.perf_counter(), now
        return last


@contextmanager
def _running(collector: Collector) -> Iterator[Running]:
    """A server of this kind with nothing in it, while the block runs."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        own = {"folder": name, "port": str(port), "other_port": str(port + 1)}
        variables = {key: value.format(**own) for key, value in collector.variables.items()}
        private = {"PATH": os.environ["PATH"], "HOME": name, "TMPDIR": name, "LANG": "C.UTF-8"}
        begun = time.perf_counter()
        process = subprocess.Popen(
            [part.format(**own) for part in collector.command],
            env={**private, **NO_TELEMETRY, **variables},
            cwd=name,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _await_answer(url + collector.health, process)
            yield Running(collector, Path(name), url, process, time.perf_counter() - begun)
        finally:
            _kill(process)


def _await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + READY_S
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < give_up:
            assert process.poll() is None, "the server ended"
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
    raise AssertionError(f"no answer within {READY_S} s")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the server and its workers, all at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _row(collector: Collector, count: int) -> str:
    """Start it three times, empty: for single requests, for many in one, and to be killed."""
    records = list(Maker(count + WARM_UP).lines(0, count + WARM_UP))
    with _running(collector) as server:
        time.sleep(REST_S)
        start, rest = f"{server.cold_start_s:.1f}", f"{server.memory_mb():.0f}"
        single = _rates(server, records, 1)
    with _running(collector) as server:
        many = _rates(server, records, TOGETHER)
    with _running(collector) as server:
        result = server.post(records, 1)
        _kill(server.process)
        acknowledged = _succeeded(result)
        lost = acknowledged - server.stored()
    cells = [
        f"{collector.title} {collector.version}",
        *single,
        *many,
        f"{lost:,} of {acknowledged:,}",
        start,
        rest,
    ]
    return f"| {' | '.join(cells)} |"


def _rates(server: Running, records: Sequence[str], together: int) -> tuple[str, str]:
    """Records acknowledged a second, and stored a second."""
    # Whole requests alone: how many were acknowledged is known by the request.
    end = len(records) - (len(records) - WARM_UP) % together
    server.post(records[:WARM_UP], together)
    server.wait_for(WARM_UP)
    before, begun = server.stored(), time.perf_counter()
    result = server.post(records[WARM_UP:end], together)
    acknowledged = _succeeded(result) * together
    seconds = server.wait_for(before + acknowledged) - begun
    stored = server.stored() - before
    missing = f" ({acknowledged - stored:,} never)" if stored < acknowledged else ""
    return f"{acknowledged / result.seconds:,.0f}", f"{stored / seconds:,.0f}{missing}"


def _succeeded(result: Result) -> int:
    return sum(count for status, count in result.statuses.items() if status < 300)  # noqa: PLR2004


def print_collectors(peers: Sequence[Collector], count: int) -> None:
    """Print the table, ourselves first, of so many records in each load."""
    columns = [
        f"{count:,} records",
        "single: acknowledged /s",
        "single: stored /s",
        f"{TOGETHER} a request: acknowledged /s",
        f"{TOGETHER} a request: stored /s",
        "lost on SIGKILL of what it acknowledged",
        "cold start, s",
        "memory at rest, MB",
    ]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for collector in (ours(), *peers):
        print(_row(collector, count), flush=True)
