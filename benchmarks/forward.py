"""Records a second that ``log10-trace forward`` sends, to a sink that stores nothing.

    python -m benchmarks.forward                  20,000 records without contents, then with them
    python -m benchmarks.forward --records 5000

Server, sink and command are processes of their own. A run that sends nothing measures the command's start.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.proxy import processor_s
from benchmarks.records import Maker
from benchmarks.seed_database import fill_sqlite
from log10_trace.domain.keys import Scope, make_key
from log10_trace.server.store import open_store
from tests.processes import server

ORGANIZATION = "benchmark"
HEAD = """\
| forward | records a second, start and all | CPU of the command, µs a record | of the server |
|---|---|---|---|"""
RUNS: tuple[tuple[str, list[str], int], ...] = (
    ("nothing", ["--since", "2100-01-01T00:00:00Z"], 0),
    ("without contents", [], 1),
    ("with contents", ["--content", "--again"], 1),
)
"""What each is called, its options, and whether it sends the records."""


class _Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take it, and keep nothing."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""


def _serve(port: Connection) -> None:
    sink = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    port.send(sink.server_port)
    sink.serve_forever()


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    records = parser.parse_args().records
    ours, theirs = multiprocessing.Pipe()
    sink = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    sink.start()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "log10"
        home.mkdir(mode=0o700)
        fill_sqlite(home / "completions.db", Maker(records), records, ORGANIZATION)
        now_ms = time.time_ns() // 1_000_000
        token, key = make_key(ORGANIZATION, [Scope.READ], name="benchmark", now_ms=now_ms)
        with closing(open_store(home / "completions.db")) as store:
            store.keys.add(ORGANIZATION, key).result()
        with server(home) as running:
            environ = {**os.environ, "LOG10_HOME": str(home), "LOG10_URL": running.url, "LOG10_TOKEN": token}
            url = f"http://127.0.0.1:{ours.recv()}"
            for at, (name, options, sent) in enumerate(RUNS):
                ticks = processor_s(running.pid)
                took, cpu_s = _run(["--to", url, *options], environ, records * sent)
                served_s = processor_s(running.pid) - ticks
                if not at:
                    start_s = cpu_s
                    print(f"Start of the command: {start_s:.2f} s of CPU.\n\n{HEAD}")
                    continue
                spent = ((each / records * 1_000_000) for each in (cpu_s - start_s, served_s))
                print(f"| {name} | {records / took:,.0f} | {' | '.join(f'{each:.0f}' for each in spent)} |")
    sink.terminate()


def _run(options: list[str], environ: dict[str, str], sent: int) -> tuple[float, float]:
    """Seconds on the clock, and of CPU, that the command took to send so many."""
    command = [sys.executable, "-m", "log10_trace", "forward", "--json", *options]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert json.loads(re.sub(r"\s", "", done.stdout))["sent"] == sent, done
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
