"""What delivery costs and what it loses: drain rates, CPU a record, and the loss table. Prints Markdown.

    python benchmarks/delivery.py             ourselves
    python benchmarks/delivery.py --peers     and the peers that are installed (peers/requirements.txt)
    python benchmarks/delivery.py --records 20000 --peers langfuse opik

``durability.py`` says how the loss table is made.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.durability import print_losses  # noqa: E402
from benchmarks.peers import asked  # noqa: E402
from log10_trace.config import resolve  # noqa: E402
from log10_trace.export import Delivery  # noqa: E402
from log10_trace.record.call import Call  # noqa: E402

TEXT = "x" * 1000


def call(text: str = TEXT) -> Call:
    """A record of about 2.5 KB as JSON, as capture hands it over."""
    made = Call("/chat/completions", created_ns=time.time_ns(), started_ns=time.perf_counter_ns())
    messages = [{"role": "user", "content": text}]
    made.request = json.dumps({"model": "gpt-4o", "messages": messages}).encode()
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [choice]}
    made.chunks = [json.dumps(answer).encode()]
    made.stack = json.dumps([{"file": "app.py", "line": "ask()", "lineno": 3, "name": "main"}]).encode()
    made.status, made.status_code, made.duration_ns = "finished", 200, 1_000_000
    made.content_type, made.tags, made.session_id = "application/json", ("bench",), "s" * 36
    return made


SINK = """
import re, socket, sys
RESULT = re.compile(rb'"id":"([0-9a-f-]{36})"')
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
while True:
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as stream:
        while line := stream.readline():
            length = 0
            while (header := stream.readline()) not in (b"\\r\\n", b""):
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            body = stream.read(length)
            ids = [RESULT.search(each).group(1).decode() for each in body.splitlines()]
            results = ",".join('{"id":"%s","status":201}' % each for each in ids)
            answer = ('{"results":[' + results + "]}").encode()
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(answer) + answer)
"""


@contextmanager
def sink() -> Iterator[str]:
    """A server in a process of its own that acknowledges every batch and stores nothing."""
    process = subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def our_server(home: Path) -> Iterator[tuple[str, str]]:
    """``log10-trace serve`` in a process of its own: its address and its key."""
    environment = {**os.environ, "LOG10_HOME": str(home)}
    command = [sys.executable, "-m", "log10_trace", "serve", "--port", "0", "--log-level", "error"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment, cwd=ROOT)
    announced = home / "server.json"
    try:
        while not announced.exists():
            time.sleep(0.05)
            assert process.poll() is None, "the server did not start"
        found = json.loads(announced.read_text())
        yield found["url"], found["token"]
    finally:
        process.terminate()
        process.wait()


@dataclass
class Drain:
    """One measurement."""

    to: str
    records: int
    seconds: float
    cpu_us: float
    caller_us: float

    def row(self) -> str:
        """The measurement as a row of the table."""
        rate = self.records / self.seconds
        return f"| {self.to} | {rate:,.0f} | {self.cpu_us:.1f} | {self.caller_us:.1f} |"


def drain(to: str, records: int, url: str, token: str | None) -> Drain:
    """Let so many records wait, then deliver them all."""
    with tempfile.TemporaryDirectory() as spool:
        delivery = Delivery(resolve({"url": url, "token": token, "spool_dir": spool, "flush_interval": 3600}))
        delivery.sink.on_end(call())
        delivery.flush(10.0)
        times = []
        calls = [call() for _ in range(records)]
        for each in calls:
            begun = time.perf_counter_ns()
            delivery.sink.on_end(each)
            times.append(time.perf_counter_ns() - begun)
        before = delivery.stats().delivered
        wall, cpu = time.perf_counter(), time.process_time()
        assert delivery.flush(300.0), delivery.stats()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        delivered = delivery.stats().delivered - before
        delivery.close(5.0)
    times.sort()
    return Drain(to, delivered, wall, cpu / delivered * 1e6, times[len(times) // 2] / 1000)


def drains(records: int) -> None:
    """Print how fast what waits is delivered."""
    print(f"\n## Drain of {records:,} records of 2.5 KB, one process\n")
    print("| to | records/s | CPU µs a record (our process) | caller's µs a record, median |")
    print("|---|---|---|---|")
    with sink() as url:
        print(drain("a sink that stores nothing", records, url, None).row())
    with tempfile.TemporaryDirectory() as home, our_server(Path(home)) as (url, token):
        print(drain("our server, SQLite", records, url, token).row())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000, help="records to drain; 0 for none")
    parser.add_argument("--peers", nargs="*", metavar="PEER", help="the installed peers, or these")
    given = parser.parse_args()
    peers = asked(given.peers)
    if given.records:
        drains(given.records)
    print_losses(peers)


if __name__ == "__main__":
    main()
