"""Two servers on one PostgreSQL database: what one has stored the other reads, also when the first is gone.

    createdb log10
    LOG10_DATABASE=postgresql:///log10 OPENAI_API_KEY=... python examples/postgresql.py

Needs `pip install 'log10-trace[server,postgres]'`. Put a load balancer before servers of several machines.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from openai import OpenAI

import log10_trace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
COMMAND = [sys.executable, "-m", "log10_trace"]


@contextmanager
def server() -> Generator[str, None, None]:
    """The URL of a server on the database that LOG10_DATABASE names, while the block runs."""
    with tempfile.TemporaryDirectory() as home:  # servers of other machines share no folder either
        process: Any = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", "--log-level", "warning"],
            env={**os.environ, "LOG10_HOME": home},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield process.stdout.readline().split()[-1]  # "log10-trace: listening on http://127.0.0.1:PORT"
        finally:
            process.terminate()
            process.wait()


# A key lies in the database, so every server knows it. One for programs would have the scope ingest alone.
create_key = [*COMMAND, "keys", "create", "--scope", "ingest", "--scope", "read", "--name", "example"]
key = subprocess.run(create_key, capture_output=True, text=True, check=True).stdout.strip()

with server() as second:
    with server() as first:
        log10_trace.patch(url=first, token=key, tags=["postgresql"])
        OpenAI().chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Why do elephants never forget?"}]
        )
        log10_trace.flush()
    log10_trace.unpatch()
    with log10_trace.Log10(key, second) as client:
        for call in client.completions.list(tag="postgresql"):
            print(call.created_at, call.model, call.preview and call.preview.response)
