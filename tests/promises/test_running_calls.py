"""Nothing is lost: a call that runs, or whose process was killed while it waited, has its request."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from log10_trace.local_server import LocalServer
from tests.model_answers import chat_chunks
from tests.model_endpoint import Answer, Endpoint, model_endpoint, sse, sse_answer
from tests.processes import DEADLINE_S, environment, program, server, until
from tests.promises.test_survives_kill import stored

pytestmark = pytest.mark.promises

HEAD = """
import asyncio, sys, threading, log10_trace, openai
log10_trace.patch(tags=["program"], metadata={"team": "search"}, flush_interval=0.1, redact=REDACT)
S = openai.OpenAI(api_key="key-of-the-test", max_retries=0)
A = openai.AsyncOpenAI(api_key="key-of-the-test", max_retries=0)
text = "Plan a trip to Tromsø."
asked = dict(messages=[{"role": "user", "content": text}])
calls = {
    "chat": lambda: S.chat.completions.create(model="chat", **asked),
    "stream": lambda: list(S.chat.completions.create(model="stream", stream=True, **asked)),
    "raw": lambda: S.chat.completions.with_raw_response.create(model="raw", extra_body=dict(more=1), **asked),
    "text": lambda: S.completions.create(model="text", prompt=text),
    "responses": lambda: S.responses.create(model="responses", input=text),
    "embeddings": lambda: S.embeddings.create(model="embeddings", input=text),
    "async-chat": lambda: A.chat.completions.create(model="async-chat", **asked),
    "async-stream": lambda: A.chat.completions.create(model="async-stream", stream=True, **asked),
    "async-text": lambda: A.completions.create(model="async-text", prompt=text),
    "async-responses": lambda: A.responses.create(model="async-responses", input=text),
}
"""
PLAIN = HEAD.replace("REDACT", "None")
WAIT = """
async def wait():
    await asyncio.gather(*(calls[name]() for name in calls if name.startswith("async-")))

for name in calls:
    if not name.startswith("async-"):
        threading.Thread(target=log10_trace.propagate(calls[name]), daemon=True).start()
with log10_trace.tags("inside"):
    asyncio.run(wait())
"""
TOKEN = """
def wait(): threading.Event().wait()
async def wait_async(): await asyncio.sleep(3600)
def azure(provider):
    more = dict(azure_ad_token_provider=provider, api_version="1")
    return openai.AzureOpenAI(azure_endpoint="http://127.0.0.1:1", **more)
"""
DRAIN = """
async def drain(name): return [each async for each in await calls[name]()]
"""
DELIVER = "import sys, log10_trace.cli; sys.argv[1:] = ['spool', 'flush']; log10_trace.cli.main()"
SYNC = {"chat", "stream", "raw", "text", "responses"}
RECORDED = SYNC | {"async-chat", "async-stream", "async-text", "async-responses"}


@contextmanager
def waiting_endpoint(pieces: Any = ()) -> Iterator[Endpoint]:
    """An endpoint that answers nothing, or ``pieces`` alone, while the block runs."""
    held = threading.Event()
    with model_endpoint() as endpoint:
        answer = sse_answer(*pieces, held) if pieces else Answer(held=held)
        endpoint.script(*[answer] * 12)
        try:
            yield endpoint
        finally:
            held.set()


@contextmanager
def running(home: Path, endpoint: Endpoint, source: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of its own, killed at the latest when the block ends."""
    variables = environment(home, OPENAI_BASE_URL=endpoint.url)
    with subprocess.Popen([sys.executable, "-c", source], env=variables) as process:
        try:
            yield process
        finally:
            process.kill()
            process.wait(DEADLINE_S)


def by_model(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str((record["request"] or {}).get("model")): record for record in records}


def started(ours: LocalServer, count: int) -> dict[str, dict[str, Any]]:
    """The running calls, by the model that was asked, once there are so many."""

    def shown() -> list[dict[str, Any]] | None:
        records = [record for record in stored(ours) if record["status"] == "started"]
        return records if len(records) >= count else None

    return by_model(until(shown, f"{count} calls are shown as running"))


def check(record: dict[str, Any], endpoint: Endpoint, model: str) -> None:
    """The record has the request as the endpoint received it, the labels and the stack."""
    (received,) = until(
        lambda: [request.json for request in endpoint.received if request.json["model"] == model],
        f"the request of {model} arrives",
    )
    assert (record.get("native_request") or record["request"]) == received
    assert record["request"]["model"] == model
    assert record["metadata"] == {"team": "search"}
    assert record["tags"][0] == "program"
    assert record["stacktrace"]
    assert "key-of-the-test" not in json.dumps(record)


@pytest.fixture
def home(private_home: Path) -> Path:
    """The folder of the user's own things, there already."""
    private_home.mkdir(mode=0o700)
    return private_home


def test_calls_that_wait_have_what_was_asked(home: Path) -> None:
    """While every kind of call waits, and after ``kill -9``: request, model, tags, metadata and stack."""
    with waiting_endpoint() as endpoint, server(home) as ours:
        with running(home, endpoint, PLAIN + WAIT) as process:
            records = started(ours, len(RECORDED))
            assert records.keys() == RECORDED
            for name, record in records.items():
                check(record, endpoint, name)
                assert record["tags"] == (["program"] if name in SYNC else ["program", "inside"])
            os.kill(process.pid, signal.SIGKILL)
        delivered = program(home, DELIVER)
        assert delivered.returncode == 0, delivered.stderr
        died = by_model(stored(ours))

        assert died.keys() == RECORDED
        for name, record in died.items():
            check(record, endpoint, name)
            assert (record["status"], record["failure_kind"]) == ("failed", "ProcessDied")


@pytest.mark.parametrize(
    ("redact", "name"), [("lambda record: record", "chat"), ("None", "stream"), ("None", "async-stream")]
)
def test_with_a_redactor_and_in_the_middle_of_a_stream(home: Path, redact: str, name: str) -> None:
    """A redactor is given the running call as well; a stream that has begun has its request."""
    call = f"asyncio.run(drain({name!r}))" if name.startswith("async") else f"calls[{name!r}]()"
    source = HEAD.replace("REDACT", redact) + DRAIN + call
    pieces = sse(*chat_chunks("a"))[:2] if "stream" in name else ()
    with waiting_endpoint(pieces) as endpoint, server(home) as ours, running(home, endpoint, source):
        (record,) = started(ours, 1).values()

        check(record, endpoint, name)


@pytest.mark.parametrize(
    "call",
    [
        "S.with_options(api_key=wait).chat.completions.create(model='m', messages=[])",
        "asyncio.run(A.with_options(api_key=wait_async).responses.create(model='m', input='x'))",
        "azure(wait).chat.completions.create(model='m', messages=[], extra_body={'more': 1})",
    ],
)
def test_a_call_that_waits_for_its_token_has_what_was_asked(home: Path, call: str) -> None:
    """Before the SDK has built any bytes, the request is what it was asked to send."""
    source = PLAIN + TOKEN + call
    with model_endpoint() as endpoint, server(home) as ours, running(home, endpoint, source):
        (record,) = started(ours, 1).values()

        asked = record.get("native_request") or record["request"]
        assert asked["model"] == "m"
        assert asked.keys() - {"model", "messages", "input"} == ({"more"} if "more" in call else set())
        assert record["metadata"] == {"team": "search"}
        assert endpoint.received == []
