"""Runs the exchanges of one framework's script, and says of each what was recorded.

    PYTHONPATH=. python tests/frameworks/harness.py langchain

One line of JSON for each exchange on the standard output: how many calls reached the model, how many of them
were recorded once, exactly, with the user's own line, and with the tags that were in force.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path = [str(ROOT), *(path for path in sys.path if Path(path or ".").resolve() != Path(__file__).parent)]

import log10_trace  # noqa: E402
from log10_trace import instrument  # noqa: E402
from log10_trace.record.completion import to_json  # noqa: E402
from tests.frameworks import fake_model  # noqa: E402
from tests.model_endpoint import Answer, Endpoint, Received, model_endpoint  # noqa: E402

RECORDED = ("/chat/completions", "/completions", "/responses")
MARK = "# here"
"""Behind the line of a script that is the call site."""


QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OTEL_SDK_DISABLED": "true",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
}
"""What frameworks are told not to fetch and not to report."""


class Sink:
    """Keeps each record as JSON text."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def on_start(self, call: Any) -> None:
        """Nothing is kept of it."""

    def on_end(self, call: Any) -> None:
        """Keep the record."""
        self.records.append(to_json(call))


class Model:
    """The endpoint, with the answers of the fake model and all that was exchanged."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.text = "Hello there"
        self.exchanged: list[tuple[Received, Answer]] = []
        endpoint.answer_to = self.answer  # type: ignore[method-assign]

    def answer(self, request: Received) -> Answer:
        """The answer that is due."""
        answer = fake_model.reply(request, self.text)
        if request.method == "POST" and request.path.partition("?")[0].endswith(RECORDED):
            self.exchanged.append((request, answer))
        return answer


def exchanges_of(module: Any) -> dict[str, Callable[[], Any]]:
    """The functions of a script, by their names, in the order of the script."""
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_"
    }


def run(name: str) -> None:
    """Run every exchange of the script, one after the other."""
    sink = Sink()
    sys.addaudithook(stay_at_home)
    with model_endpoint() as endpoint:
        os.environ |= {
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": endpoint.url,
            "OPENAI_API_BASE": endpoint.url,
        }
        os.environ |= QUIET
        model = Model(endpoint)
        instrument.install(sink)
        module = importlib.import_module(f"tests.frameworks.{name}")
        model.text = getattr(module, "TEXT", model.text)
        # One loop for all: a framework keeps its client, and the client its connections.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        for title, function in exchanges_of(module).items():
            sink.records.clear()
            model.exchanged.clear()
            error = None
            try:
                if inspect.iscoroutinefunction(function):
                    loop.run_until_complete(in_a_session(title, function))
                else:
                    with log10_trace.session(tags=[title]):
                        function()
            except Exception:  # noqa: BLE001 -- what went wrong is shown
                error = traceback.format_exc()
            print("\n" + json.dumps({"exchange": title, **judge(title, sink, model), "error": error}))
        sys.stdout.flush()
        # Threads that a framework leaves behind are no reason to stay.
        os._exit(0)


async def in_a_session(title: str, function: Callable[[], Any]) -> None:
    """Run an asynchronous exchange."""
    with log10_trace.session(tags=[title]):
        await function()


def stay_at_home(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: no connection leaves this machine, whatever a framework reports or looks up."""
    host = arguments[0] if event == "socket.getaddrinfo" else None
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    if host is not None and host not in ("127.0.0.1", "localhost", "::1", b"127.0.0.1", b"localhost"):
        raise OSError(f"{host} is not this machine")


def judge(title: str, sink: Sink, model: Model) -> dict[str, Any]:
    """What of the exchange was recorded."""
    left = list(model.exchanged)
    exact = 0
    for text in sink.records:
        match = next((each for each in left if is_exact(text, *each)), None)
        if match is not None:
            left.remove(match)
            exact += 1
    records = [json.loads(text) for text in sink.records]
    sites = [record["stacktrace"][-1] if record["stacktrace"] else {} for record in records]
    return {
        "calls": len(model.exchanged),
        "recorded": len(records),
        "exact": exact,
        "own": sum(is_own(site) for site in sites),
        "scope": sum(site.get("origin") == "scope" for site in sites),
        "tags": sum(title in record["tags"] for record in records),
        "others": [f"{site.get('file')}:{site.get('lineno')}" for site in sites if not is_own(site)],
        "origins": sorted({site["origin"] for site in sites if "origin" in site}),
    }


def is_own(site: dict[str, Any]) -> bool:
    """Whether a frame is the line of the script that is marked."""
    return Path(site.get("file", "")).parent == Path(__file__).parent and site["line"].endswith(MARK)


def is_exact(record: bytes, request: Received, answer: Answer) -> bool:
    """Whether the record has the bytes that were sent, and what came back."""
    body = b"".join(piece for piece in answer.pieces if isinstance(piece, bytes))
    fields = json.loads(record)
    if request.body.strip() not in record:
        return False
    if not answer.chunked:
        return body in record
    events = [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: {")]
    if "native_response" in fields:
        return bool(fields["native_response"] == events[-1]["response"])
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    if not isinstance(fields.get("response"), dict):
        return False
    message = fields["response"]["choices"][0]["message"]
    tools = [call["function"] for delta in deltas for call in delta.get("tool_calls") or ()]
    content = "".join(delta.get("content") or "" for delta in deltas)
    return (message.get("content") or "") == content and [
        call["function"] for call in message.get("tool_calls") or ()
    ] == tools


if __name__ == "__main__":
    run(sys.argv[1])
