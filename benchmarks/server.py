"""How fast the server is: durable writes a second, and reads among a million records. Prints tables.

    python -m benchmarks.server                      # everything; a million records take some minutes to make
    python -m benchmarks.server --keep ~/million     # which are there already the next time
    python -m benchmarks.server --records 100000     # fewer
    python -m benchmarks.server --postgres           # two servers on a PostgreSQL of the benchmark's own
    python -m benchmarks.server --clickhouse         # ClickHouse: its engine (chdb), or --database clickhouse://...
    python -m benchmarks.server --peers              # Phoenix and MLflow beside ours: collectors.py says how

The text index is on, as it always is. Every write is answered after its commit.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from benchmarks.collectors import print_collectors
from benchmarks.load import Target, post_all
from benchmarks.peers.servers import PEERS, found
from benchmarks.process_memory import pss_mb
from benchmarks.read_latency import measure_reads
from benchmarks.records import Maker
from benchmarks.seed_database import fill
from log10_trace import local_server
from log10_trace.local_server import LocalServer
from tests.processes import environment, until
from tests.server.postgres_cluster import SETTINGS, fresh_database, running_cluster

ORGANIZATION = "default"
BATCH = 100
DURABLE = {**SETTINGS, "fsync": "on", "shared_buffers": "256MB", "max_wal_size": "2GB"}
"""What the tests do without: every commit is on the disk before it is answered."""


@dataclass(frozen=True)
class Serving:
    """A server that runs."""

    local: LocalServer
    cold_start_s: float

    def target(self, path: str, content_type: str) -> Target:
        """Where to post to."""
        return Target(self.local.url, path, {"X-Log10-Token": self.local.token, "Content-Type": content_type})

    def cpu_s(self) -> float:
        """The processor time it has used; on a machine that others use too, this is the figure to compare."""
        fields = Path(f"/proc/{self.local.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """The memory it holds."""
        return pss_mb(self.local.pid)


@contextmanager
def serving(folder: Path, database: str) -> Iterator[Serving]:
    """``log10-trace serve`` on ``database`` while the block runs."""
    command = [sys.executable, "-m", "log10_trace", "serve", "--port", "0", "--log-level", "error"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--database", database],
        env=environment(folder),
        stdout=subprocess.DEVNULL,
    )
    try:
        found = until(lambda: _announced(folder, process), "the server is ready")
        yield Serving(found, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(60)


def _announced(folder: Path, process: subprocess.Popen[bytes]) -> LocalServer | None:
    assert process.poll() is None, "the server ended"
    os.environ["LOG10_HOME"] = str(folder)
    found = local_server.discover()
    return found if found and found.pid == process.pid and _answers(found) else None


def _answers(server: LocalServer) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz").is_success
    except httpx.HTTPError:
        return False


def measure_writes(folder: Path, database: str, seconds: float, servers: int = 1) -> None:
    """Print what single posts and batches come to, on an empty database."""
    singles, batched = int(1_500 * seconds), int(3_000 * seconds)
    # Calls of the moment, made about as fast as they are sent; then what a client kept while it was cut off.
    calls = Maker(singles + batched, over=timedelta(seconds=2 * seconds))
    backlog = Maker(1_000_000)
    with ExitStack() as stack:
        homes = [folder / f"home{number}" for number in range(servers)]
        running = [stack.enter_context(serving(home, database)) for home in homes]
        print(f"servers                   {servers:8}")
        print(f"cold start                {running[0].cold_start_s:8.2f} s")
        print(f"memory at rest, each      {running[0].memory_mb():8.0f} MB")
        _post_singles(running, [line.encode() for line in calls.lines(0, singles)])
        _post_batches(running, f"in batches of {BATCH}", calls.lines(singles, batched))
        _post_batches(running, "  of a month's backlog", backlog.lines(singles + batched, batched))
        print(f"memory after the load     {running[0].memory_mb():8.0f} MB")


def _post_singles(running: list[Serving], bodies: list[bytes]) -> None:
    print(f"one completion            {statistics.mean(map(len, bodies)) / 1000:8.1f} KB")
    with _processor_time(running, len(bodies)):
        targets = [one.target("/api/v1/completions", "application/json") for one in running]
        result = post_all(targets, bodies, connections=32)
        print(f"single posts, 32 at once  {result.rate:8.0f} /s   statuses {result.statuses}")
        print(f"    p50, p99              {result.percentile_ms(50):8.0f} {result.percentile_ms(99):.0f} ms")


def _post_batches(running: list[Serving], name: str, lines: Iterator[str]) -> None:
    batches = ["\n".join(group).encode() for group in _groups(lines, BATCH)]
    with _processor_time(running, len(batches) * BATCH):
        path, content_type = "/api/v1/completions/batch", "application/x-ndjson"
        targets = [one.target(path, content_type) for one in running]
        result = post_all(targets, batches, connections=4)
        print(f"{name:26}{result.rate * BATCH:8.0f} /s   statuses {result.statuses}")


@contextmanager
def _processor_time(servers: list[Serving], count: int) -> Iterator[None]:
    """Print what the servers spent on each record of the block."""
    used = sum(server.cpu_s() for server in servers)
    yield
    used = sum(server.cpu_s() for server in servers) - used
    print(f"    servers' processor time {used / count * 1e6:6.0f} µs a record")


def read(folder: Path, database: str, count: int) -> None:
    """Print what reads take on ``database``, which is filled first if it has to be."""
    if database.startswith(("chdb", "clickhouse")):
        from benchmarks.seed_clickhouse import fill_clickhouse, make_maker  # noqa: PLC0415 -- needs an extra

        maker = make_maker(count)
        fill_clickhouse(database, count, ORGANIZATION)
    else:
        maker = Maker(count)
        fill(database, maker, count, ORGANIZATION)
    with serving(folder, database) as server:
        print(f"cold start                {server.cold_start_s:8.2f} s")
        headers = {"X-Log10-Token": server.local.token}
        with httpx.Client(base_url=server.local.url, headers=headers, timeout=60) as client:
            measure_reads(client, maker)
        print(f"memory after the reads    {server.memory_mb():8.0f} MB")


def _groups(lines: Iterator[str], size: int) -> Iterator[list[str]]:
    while group := list(itertools.islice(lines, size)):
        yield group


def _kept(folder: Path, count: int, *, is_clickhouse: bool) -> str:
    """The address of the database of so many records that is kept in a folder."""
    return f"chdb://{folder.resolve()}/chdb-{count}" if is_clickhouse else str(folder / f"{count}.db")


@contextmanager
def serving_clickhouse(folder: Path) -> Iterator[str]:
    """ClickHouse's engine behind HTTP in a process of its own, so that the server's process is alone."""
    program = [sys.executable, "-m", "benchmarks.clickhouse_endpoint", str(folder)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()  # the end of its input ends it


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=1_000_000, help="how many to read among; 0 for none")
    parser.add_argument("--seconds", type=float, default=10, help="about how long each write load lasts")
    parser.add_argument("--database", help="a filled database to read from, or an empty one to be filled")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the filled SQLite database there")
    parser.add_argument(
        "--postgres", action="store_true", help="two servers on PostgreSQL, not one on SQLite"
    )
    parser.add_argument(
        "--clickhouse",
        action="store_true",
        help="write to its engine over HTTP, read with it in the server",
    )
    parser.add_argument("--peers", action="store_true", help="instead, Phoenix and MLflow beside ours")
    for peer in PEERS:
        parser.add_argument(f"--{peer}", metavar="PATH", help="its executable, where it is not on the PATH")
    asked = parser.parse_args()
    if asked.peers:
        print_collectors(found(vars(asked)), int(200 * asked.seconds))
        return
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        writes, reads = str(folder / "writes.db"), str(folder / "reads.db")
        if asked.postgres:
            cluster = stack.enter_context(running_cluster(DURABLE))
            writes, reads = (stack.enter_context(fresh_database(cluster.url)) for _ in range(2))
        if asked.clickhouse:
            writes = stack.enter_context(serving_clickhouse(folder / "engine")) if asked.seconds else ""
            reads = f"chdb://{folder / 'clickhouse'}"
        if asked.seconds:
            measure_writes(folder, writes, asked.seconds, servers=2 if asked.postgres else 1)
        if asked.records:
            kept = _kept(asked.keep, asked.records, is_clickhouse=asked.clickhouse) if asked.keep else reads
            read(folder, asked.database or kept, asked.records)


if __name__ == "__main__":
    main()
