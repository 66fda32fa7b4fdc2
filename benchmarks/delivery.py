"""What delivery costs and what it loses: drain rates, CPU a record, and the loss table. Prints Markdown.

    python benchmarks/delivery.py             ourselves
    python benchmarks/delivery.py --peers     and the peers that are installed, side by side
    python benchmarks/delivery.py --records 20000

Every program of the loss table is a process of its own that makes records one by one, as fast as its library
lets it (at most 100 a second for the kill), against a completions API in this process.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

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
        delivery.recorder.ended(call())
        delivery.flush(10.0)
        times = []
        calls = [call() for _ in range(records)]
        for each in calls:
            begun = time.perf_counter_ns()
            delivery.recorder.ended(each)
            times.append(time.perf_counter_ns() - begun)
        before, begun = delivery.stats().delivered, time.perf_counter()
        cpu = time.process_time()
        assert delivery.flush(300.0), delivery.stats()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        delivered = delivery.stats().delivered - before
        delivery.close(5.0)
    times.sort()
    return Drain(to, delivered, seconds, cpu / delivered * 1e6, times[len(times) // 2] / 1000)


def drains(records: int) -> None:
    """Print how fast what waits is delivered."""
    print(f"\n## Drain of {records:,} records of 2.5 KB, one process\n")
    print("| to | records/s | CPU µs a record (our process) | caller's µs a record, median |")
    print("|---|---|---|---|")
    with sink() as url:
        print(drain("a sink that stores nothing", records, url, None).row())
    with tempfile.TemporaryDirectory() as home, our_server(Path(home)) as (url, token):
        print(drain("our server, SQLite", records, url, token).row())


WARM_UP = 1000
"""Records numbered from here on are not counted."""

PEERS = {
    "log10_trace": """
from benchmarks.delivery import call, TEXT
from log10_trace.config import resolve
from log10_trace.export import Delivery
made = Delivery(resolve({"url": url}))
import atexit; atexit.register(made.exit)
def record(number, text=TEXT): ready(number, text)()
def ready(number, text):
    one = call(f"n{number}n " + text)
    return lambda: made.recorder.ended(one)
""",
    "langfuse": """
from langfuse import Langfuse
client = Langfuse(public_key="pk", secret_key="sk", host=url, tracing_enabled=True)
def record(number, text="x"): client.start_observation(name="c", input=f"n{number}n " + text).end()
""",
    "langsmith": """
import datetime, uuid
from langsmith import Client
client = Client(api_url=url, api_key="k")
def record(number, text="x"):
    client.create_run(name="c", run_type="llm", inputs={"m": f"n{number}n " + text}, outputs={"a": "b"},
                      id=uuid.uuid4(), end_time=datetime.datetime.now(datetime.timezone.utc))
""",
    "posthog": """
from posthog import Posthog
client = Posthog("k", host=url)
def record(number, text="x"): client.capture("c", distinct_id="d", properties={"m": f"n{number}n " + text})
""",
}
"""How each library makes a record numbered ``number``; a peer takes part when its package is installed."""

PROGRAMS = {
    "SIGKILL right after record 287": """
import os, signal, time
for number in range(287):
    record(number)
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
""",
    "10 s of 503, of 200": """
import time
for number in range(200):
    record(number)
    time.sleep(0.04)
time.sleep(12)
""",
    "503 until exit, then a restart, of 50": """
for number in range(50): record(number)
""",
    "exit while the API never answers, s": """
import atexit, time
for number in range(50): record(number)
""",
    "a forked child's 20": """
import os, time
record(1000)
if os.fork() == 0:
    for number in range(20): record(number)
    os._exit(0)
os.wait()
time.sleep(3)
""",
    "caller's ms for 1 MB of messages": """
import time
record(1); times = []
for number in range(5):
    hand_over = ready(number, "y" * 1_000_000)
    begun = time.perf_counter(); hand_over(); times.append(time.perf_counter() - begun)
print(sorted(times)[2] * 1000)
""",
}


class Collector:
    """An API that takes whatever any library sends, and looks for the numbers of records in it."""

    def __init__(self) -> None:
        self.mode = "up"
        self.numbers: list[int] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.reply(200)

            def do_POST(self) -> None:
                body = self.body()
                if collector.mode == "hang":
                    time.sleep(600)
                if collector.mode == "503":
                    self.reply(503)
                    return
                collector.numbers += map(int, re.findall(rb"n([0-9]+)n ", body))
                lines = body.splitlines() if self.path.endswith("completions/batch") else []
                ids = [json.loads(line)["id"] for line in lines]
                self.reply(200, {"results": [{"id": each, "status": 201} for each in ids]})

            def body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size + 2)[:-2]
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

            def reply(self, status: int, answer: Any = None) -> None:
                content = json.dumps(answer or {}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign] -- killed clients are the point
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def run(peer: str, source: str, url: str, home: str) -> tuple[str, float]:
    """One program of the loss table, to its end; what it printed, and the seconds it took."""
    begun = time.perf_counter()
    environment = {**os.environ, "LOG10_HOME": home, "PYTHONPATH": str(ROOT)}
    ready = "def ready(number, text): return lambda: record(number, text)"
    command = [sys.executable, "-W", "ignore", "-c", f"url = {url!r}\n{ready}\n{PEERS[peer]}\n{source}"]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    return ended.stdout, time.perf_counter() - begun


def measure(peer: str, name: str) -> str:
    """One cell of the loss table."""
    collector, source = Collector(), PROGRAMS[name]
    with tempfile.TemporaryDirectory() as home:
        if name.startswith("caller"):
            return f"{float(run(peer, source, collector.url, home)[0]):.2f}"
        if name.startswith("exit"):
            bare = run(peer, source.replace("range(50)", "range(0)"), collector.url, home)[1]
            collector.mode = "hang"
            return f"{max(0.0, run(peer, source, collector.url, home)[1] - bare):.1f}"
        if "503" in name:
            collector.mode = "503"
        if name.startswith("10 s"):
            threading.Timer(10.0, setattr, (collector, "mode", "up")).start()
        run(peer, source, collector.url, home)
        collector.mode = "up"
        if not name.startswith("10 s"):
            run(peer, "record(2000)\nimport time; time.sleep(3)", collector.url, home)
    numbers = [each for each in collector.numbers if each < WARM_UP]
    twice = len(numbers) - len(set(numbers))
    return f"{len(set(numbers))}" + (f" (+{twice} twice)" if twice else "")


def losses(peers: list[str]) -> None:
    """Print what arrives of what was recorded, and how long the end of a program is held up."""
    print(f"\n## What arrives\n\n| | {' | '.join(peers)} |\n|---|{'---|' * len(peers)}")
    for name in PROGRAMS:
        print(f"| {name} | {' | '.join(measure(peer, name) for peer in peers)} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000, help="records to drain")
    parser.add_argument("--peers", action="store_true", help="the installed peers as well")
    given = parser.parse_args()
    drains(given.records)
    own = ["log10_trace"]
    losses([name for name in PEERS if name in own or (given.peers and importlib.util.find_spec(name))])


if __name__ == "__main__":
    main()
