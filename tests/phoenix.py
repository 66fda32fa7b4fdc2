"""One program seen in Arize Phoenix and in our store: the same spans, contents, tokens, times and parents.

    python tests/phoenix.py             with the Phoenix that is installed
    python tests/phoenix.py --install   installs it first, into an environment of its own

The environment stands in a folder ``log10-trace-phoenix`` of the cache, or where ``LOG10_TEST_PHOENIX`` says.
``tests/otlp/test_phoenix.py`` does the same where Phoenix is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.processes import DEADLINE_S, environment, until

PARENT: Final = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
"""Trace and id of the span that the program makes some calls in."""
CALLS: Final = 20
_MICROSECONDS: Final = 2e-6

PROGRAM: Final = """
import log10_trace, openai
from opentelemetry import trace
log10_trace.patch(url={server!r}, token={token!r}, tags=["phoenix"], metadata={{"user_id": 42}})
client = openai.OpenAI(base_url={model!r}, api_key="k", max_retries=0)
parent = trace.NonRecordingSpan(trace.SpanContext(int({trace!r}, 16), int({span!r}, 16), is_remote=False))
for number in range({calls}):
    with log10_trace.session(id=f"order-{{number % 3}}"):
        messages = [{{"role": "user", "content": f"question {{number}}"}}]
        if number % 2:
            with trace.use_span(parent):
                client.chat.completions.create(model="gpt-4o", messages=messages)
        else:
            list(client.chat.completions.create(model="gpt-4o", messages=messages, stream=True))
assert log10_trace.flush(60), log10_trace.stats()
"""


def executable() -> Path:
    """Where Phoenix is, or would be installed."""
    named = os.environ.get("LOG10_TEST_PHOENIX")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return (Path(named) if named else cache / "log10-trace-phoenix") / "bin" / "phoenix"


def install() -> None:
    """Make an environment with Phoenix."""
    folder = executable().parents[1]
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "-q", "arize-phoenix"], check=True)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def phoenix(folder: Path) -> Iterator[tuple[str, int]]:
    """A Phoenix of its own, while the block runs: its URL, and its port of OTLP over gRPC."""
    port, grpc_port = _free_port(), _free_port()
    variables = {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://127.0.0.1:{port}"
    with (folder / "phoenix.log").open("w") as log:
        process = subprocess.Popen(
            [executable(), "serve"], stdout=log, stderr=log, env={**os.environ, **variables}
        )
        try:
            until(lambda: _is_ready(url, process), "Phoenix is ready", 2 * DEADLINE_S)
            yield url, grpc_port
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def _is_ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "Phoenix has ended"
    try:
        return httpx.get(f"{url}/healthz", timeout=5).is_success
    except httpx.TransportError:
        return False


def list_spans(url: str) -> list[dict[str, Any]]:
    """Every span, as Phoenix's own API tells it."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = {"limit": 100, **({"cursor": cursor} if cursor else {})}
        page = httpx.get(f"{url}/v1/projects/default/spans", params=query, timeout=30)
        if page.status_code == httpx.codes.NOT_FOUND:
            return []  # a project is made with its first span
        found += page.raise_for_status().json()["data"]
        if not (cursor := page.json()["next_cursor"]):
            return found


def send_parent(url: str) -> None:
    """Send the span that the program has made some calls in."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = (bytes.fromhex(each) for each in PARENT)
    span.name, span.start_time_unix_nano, span.end_time_unix_nano = "order", 1, 2
    headers = {"Content-Type": "application/x-protobuf"}
    httpx.post(
        f"{url}/v1/traces", content=request.SerializeToString(), headers=headers, timeout=30
    ).raise_for_status()


def forward(home: Path, url: str, *options: str) -> dict[str, int]:
    """What ``log10-trace forward`` says it has done."""
    command = [sys.executable, "-m", "log10_trace", "forward", "--to", url, "--json", *options]
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def compare(record: dict[str, Any], span: dict[str, Any]) -> list[str]:
    """What of a record its span does not say, or says otherwise."""
    usage = record["response"]["usage"]
    attributes = span["attributes"]
    began = datetime.fromisoformat(record["created_at"].replace("Z", "+00:00"))
    took = datetime.fromisoformat(span["end_time"]) - datetime.fromisoformat(span["start_time"])
    expected = {
        "name": (span["name"], "chat gpt-4o"),
        "kind": (span["span_kind"], "LLM"),
        "start": (datetime.fromisoformat(span["start_time"]), began),
        # Phoenix keeps microseconds, and cuts off what is less.
        "duration": (abs(took.total_seconds() - record["duration"]) < _MICROSECONDS, True),
        "input tokens": (attributes.get("llm.token_count.prompt"), usage["prompt_tokens"]),
        "output tokens": (attributes.get("llm.token_count.completion"), usage["completion_tokens"]),
        "model": (attributes.get("llm.model_name"), "gpt-4o"),
        "session": (attributes.get("session.id"), record["session_id"]),
        "question": (
            attributes.get("llm.input_messages.0.message.content"),
            record["request"]["messages"][0]["content"],
        ),
        "answer": (
            attributes.get("llm.output_messages.0.message.content"),
            record["response"]["choices"][0]["message"]["content"],
        ),
        "parent": (span["parent_id"], record.get("span_id")),
        "trace": (span["context"]["trace_id"], record.get("trace_id") or span["context"]["trace_id"]),
    }
    return [
        f"{name}: {seen!r} is not {stored!r}" for name, (seen, stored) in expected.items() if seen != stored
    ]


def main() -> None:
    """Run it, and print what both have."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--install", action="store_true")
    if parser.parse_args().install:
        install()
    from tests.otlp.test_phoenix import run

    with tempfile.TemporaryDirectory() as folder:
        records, spans, differences = run(Path(folder))
    print(f"{len(records)} records, {len(spans)} spans, {len(differences)} differences")
    print(*differences, sep="\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
