"""Records a second that ``log10-trace forward`` sends, to a sink that stores nothing.

    python -m benchmarks.forward                  20,000 records without contents, then with them
    python -m benchmarks.forward --records 5000

Server, sink and command are processes of their own; the CPU time is the command's.
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

from benchmarks.records import Maker
from benchmarks.seed_database import fill_sqlite
from log10_trace.domain.keys import Scope, make_key
from log10_trace.server.store import open_store
from tests.processes import server

ORGANIZATION = "benchmark"


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
        print("| forward | records a second | CPU of the command, µs a record |\n|---|---|---|")
        with server(home) as running:
            environ = {**os.environ, "LOG10_HOME": str(home), "LOG10_URL": running.url, "LOG10_TOKEN": token}
            url = f"http://127.0.0.1:{ours.recv()}"
            for name, options in (("without contents", []), ("with contents", ["--content", "--again"])):
                rate, cpu_us = _measure(url, options, environ, records)
                print(f"| {name} | {rate:,.0f} | {cpu_us:.0f} |")
    sink.terminate()


def _measure(url: str, options: list[str], environ: dict[str, str], records: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "log10_trace", "forward", "--to", url, "--json", *options]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert json.loads(re.sub(r"\s", "", done.stdout))["sent"] == records, done
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return records / took, cpu / records * 1_000_000


if __name__ == "__main__":
    main()
