"""How fast the server is: durable writes a second, and reads among a million records. Prints tables.

    python -m benchmarks.server                      # everything; a million records take some minutes to make
    python -m benchmarks.server --records 100000     # fewer
    python -m benchmarks.server --postgres           # two servers on a PostgreSQL of the benchmark's own
    python -m benchmarks.server --peers              # Phoenix and MLflow beside ours: collectors.py says how

The text index is on, as it always is. Every write is answered after its commit.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx

from benchmarks.collectors import print_collectors
from benchmarks.load import Target, post_all
from benchmarks.peers.servers import PEERS, found
from benchmarks.records import Maker
from log10_trace import local
from log10_trace.local import LocalServer
from log10_trace.server.incoming import parse
from log10_trace.server.store import open_store
from log10_trace.server.store.answers import Filter, Outcome
from tests.processes import environment, until
from tests.server.postgres_cluster import SETTINGS, fresh_database, running_cluster

ORGANIZATION = "default"
BATCH = 100
BUILD_AT_ONCE = 500
REPEATS = 15
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
        status = Path(f"/proc/{self.local.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


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
    found = local.find()
    return found if found and found.pid == process.pid and _answers(found) else None


def _answers(server: LocalServer) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz").is_success
    except httpx.HTTPError:
        return False


def measure_writes(folder: Path, database: str, seconds: float, servers: int = 1) -> None:
    """Print what single posts and batches come to, on an empty database."""
    maker = Maker(1_000_000)
    with ExitStack() as stack:
        homes = [folder / f"home{number}" for number in range(servers)]
        running = [stack.enter_context(serving(home, database)) for home in homes]
        print(f"servers                   {servers:8}")
        print(f"cold start                {running[0].cold_start_s:8.2f} s")
        print(f"memory at rest, each      {running[0].memory_mb():8.0f} MB")
        count = int(1_500 * seconds)
        singles = [line.encode() for line in maker.lines(0, count)]
        print(f"one completion            {statistics.mean(map(len, singles)) / 1000:8.1f} KB")
        with _processor_time(running, count):
            targets = [one.target("/api/v1/completions", "application/json") for one in running]
            result = post_all(targets, singles, connections=32)
            print(f"single posts, 32 at once  {result.rate:8.0f} /s   statuses {result.statuses}")
            print(
                f"    p50, p99              {result.percentile_ms(50):8.0f} {result.percentile_ms(99):.0f} ms"
            )
        lines = maker.lines(count, int(3_000 * seconds))
        batches = ["\n".join(group).encode() for group in _groups(lines, BATCH)]
        with _processor_time(running, len(batches) * BATCH):
            path, content_type = "/api/v1/completions/batch", "application/x-ndjson"
            targets = [one.target(path, content_type) for one in running]
            result = post_all(targets, batches, connections=4)
            print(f"in batches of {BATCH}         {result.rate * BATCH:8.0f} /s   statuses {result.statuses}")
        print(f"memory after the load     {running[0].memory_mb():8.0f} MB")


@contextmanager
def _processor_time(servers: list[Serving], count: int) -> Iterator[None]:
    """Print what the servers spent on each record of the block."""
    used = sum(server.cpu_s() for server in servers)
    yield
    used = sum(server.cpu_s() for server in servers) - used
    print(f"    servers' processor time {used / count * 1e6:6.0f} µs a record")


def build(database: str, count: int) -> Maker:
    """Fill ``database`` straight through the store, unless it is there already."""
    maker = Maker(count)
    store = open_store(database)
    if store.completions.page(ORGANIZATION, Filter(), limit=1).items:
        store.close()
        return maker
    began = time.perf_counter()
    waiting: list[Future[Outcome]] = []
    for first in range(0, count, BUILD_AT_ONCE):
        records = [parse(line) for line in maker.lines(first, min(BUILD_AT_ONCE, count - first))]
        wait(waiting)  # for those before, so that making and storing go on side by side
        waiting = store.completions.put_many(ORGANIZATION, records)
    store.close(timeout=60)
    print(f"made {count} records in {time.perf_counter() - began:.0f} s")
    return maker


def measure_reads(folder: Path, database: str, maker: Maker) -> None:
    """Print what lists, searches and statistics take on a filled database."""
    with serving(folder, database) as server:
        print(f"cold start                {server.cold_start_s:8.2f} s")
        headers = {"X-Log10-Token": server.local.token}
        with httpx.Client(base_url=server.local.url, headers=headers, timeout=60) as client:
            newest = client.get("/api/v1/completions?limit=1").json()["completions"][0]["created_at"]
            for name, path in _reads(maker, datetime.fromisoformat(newest)).items():
                times = [_timed(functools.partial(client.get, path)) for _ in range(REPEATS)]
                print(f"{name:34} median {statistics.median(times):7.1f} ms   first {times[0]:7.1f} ms")
        print(f"memory after the reads    {server.memory_mb():8.0f} MB")


def _reads(maker: Maker, newest: datetime) -> dict[str, str]:
    """What is asked for, by name; spans of time end with the newest record, whenever that was."""
    page, counts = "/api/v1/completions", "/api/v1/statistics"

    def ago(hours: int) -> str:
        return quote((newest - timedelta(hours=hours)).isoformat())

    return {
        "list page": page,
        "list, by a common tag": f"{page}?tag=production",
        "list, by a rare tag": f"{page}?tag=customer-7",
        "list, by any of three tags": f"{page}?tag=customer-7&tag=customer-8&tag=feature-3",
        "list, by model": f"{page}?model=o3-mini",
        "list, failed": f"{page}?status=failed",
        "list, nothing so slow": f"{page}?min_duration=100000",
        "list, by file": f"{page}?file=/srv/app/feature_3.py",
        "list, a day in between": f"{page}?since={ago(100)}&until={ago(76)}&model=gpt-4o",
        "search, a common word": f"{page}?q={maker.word(0)}",
        "search, two common words": f"{page}?q={maker.word(0)}+{maker.word(1)}",
        "search, a middling word": f"{page}?q={maker.word(500)}",
        "search, a rare word": f"{page}?q={maker.word(-1)}",
        "search, a phrase": f"{page}?q=%22{maker.word(0)}+{maker.word(5)}%22",
        "search, a common word and a tag": f"{page}?q={maker.word(0)}&tag=feature-3",
        "search, nothing": f"{page}?q=zzzzqqqq",
        "statistics, all": counts,
        "statistics, by model, a week": f"{counts}?group_by=model&since={ago(168)}",
        "statistics, by tag, a week": f"{counts}?group_by=tag&since={ago(168)}",
        "statistics, by call site, a week": f"{counts}?group_by=call_site&since={ago(168)}",
        "statistics, by session, a day": f"{counts}?group_by=session&since={ago(24)}",
        "sessions": "/api/v1/sessions",
    }


def _timed(get: Callable[[], httpx.Response]) -> float:
    began = time.perf_counter()
    answer = get()
    elapsed = (time.perf_counter() - began) * 1000
    answer.raise_for_status()
    return elapsed


def _groups(lines: Iterator[str], size: int) -> Iterator[list[str]]:
    while group := list(itertools.islice(lines, size)):
        yield group


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=1_000_000, help="how many to read among; 0 for none")
    parser.add_argument("--seconds", type=float, default=10, help="about how long each write load lasts")
    parser.add_argument("--database", help="a filled database to read from, or where to make one")
    parser.add_argument(
        "--postgres", action="store_true", help="two servers on PostgreSQL, not one on SQLite"
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
        if asked.seconds:
            measure_writes(folder, writes, asked.seconds, servers=2 if asked.postgres else 1)
        if asked.records:
            database = asked.database or reads
            measure_reads(folder, database, build(database, asked.records))


if __name__ == "__main__":
    main()
