"""The program cannot tell that we are there: what it sees patched and unpatched is equal."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from log10_trace import instrument
from log10_trace.guard import faults
from log10_trace.instrument import (
    background,
    callsite,
    credentials,
    recording,
    stack,
    tee,
    user_code,
    visible_frames,
    wire,
    wrappers,
)
from log10_trace.record import call as record_call
from log10_trace.record.call import Call
from tests.instrument import programs
from tests.instrument.conftest import Kept
from tests.instrument.test_surfaces import ALL, script_for, skip_without
from tests.model_answers import chat_chunks
from tests.model_endpoint import Answer, Endpoint, error_answer, json_answer, sse, sse_answer

BEGUN = sse(*chat_chunks("a", "b")[:2], done=False)
RETRY_NOW = {"retry-after-ms": "1"}

TROUBLES: dict[str, Callable[[], list[Answer]]] = {
    "400": lambda: [error_answer(400)],
    "401": lambda: [error_answer(401)],
    "404": lambda: [error_answer(404)],
    "429 and no retry left": lambda: [error_answer(429, headers=RETRY_NOW)] * 3,
    "500 twice, then an answer": lambda: [error_answer(500, headers=RETRY_NOW)] * 2,
    "503 with a page": lambda: [Answer(status=503, content_type="text/html", pieces=[b"<p>"])] * 3,
    "a page": lambda: [Answer(content_type="text/html", pieces=[b"<html>"])],
    "nothing": lambda: [Answer()],
    "broken JSON": lambda: [json_answer(b'{"choices": [')],
    "JSON of another kind": lambda: [json_answer([1, 2])],
    "no answer": lambda: [Answer(silent=True)] * 3,
    "a body cut short": lambda: [Answer(pieces=[b'{"id": '], cut=True)] * 3,
    "a stream cut short": lambda: [sse_answer(*BEGUN, cut=True)],
    "a stream cut in an event": lambda: [sse_answer(*BEGUN, b'data: {"cho', cut=True)],
    "an error in the stream": lambda: [sse_answer(*BEGUN, *sse({"error": {"message": "no", "type": "t"}}))],
    "a stream of other things": lambda: [sse_answer(b": hm\r\n\r\ndata: 1\r\rdata: {}\n\n")],
    "a stream called JSON": lambda: [Answer(pieces=BEGUN, chunked=True)],
    "JSON called a stream": lambda: [Answer(content_type="text/event-stream", pieces=[b'{"id": "x"}'])],
}
TROUBLED = (
    "chat", "chat stream", "chat stream, with", "raw response", "raw response, stream", "text stream",
    "streaming response, whole", "streaming response, in lines", "responses", "responses stream",
    "async chat", "async chat stream", "async raw response", "async streaming response, whole",
)  # fmt: skip


@pytest.fixture(autouse=True)
def retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's pause before it tries again is not what is tested."""
    monkeypatch.setattr("openai._base_client.BaseClient._calculate_retry_timeout", lambda *_, **__: 0.001)


@pytest.fixture(autouse=True)
def leave_nothing() -> Iterator[None]:
    """A fault that was injected where a call ends leaves the call open, for no later test to find."""
    yield
    recording._in_progress.clear()


@dataclass
class Seen:
    """All that a program and its endpoint can see of a run."""

    result: Any
    error: Any
    requests: list[Any]
    log: list[Any]


def plain(value: Any) -> Any:
    """A result in a form that compares: types and contents, models by their fields."""
    if isinstance(value, BaseModel):
        return type(value).__name__, sorted(vars(value)), plain(value.model_dump(warnings=False))
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [plain(inner) for inner in value]
    return type(value).__name__, value if isinstance(value, str | int | float | bool | None) else None


def told(error: BaseException | None) -> Any:
    """An exception: type, arguments, attributes, the user's frame it left last, and its cause."""
    if error is None:
        return None
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == programs.__file__]
    last = (frames[-1].name, frames[-1].lineno) if frames else None
    named = sorted(set(vars(error)) - {"request", "response"})
    return type(error), ADDRESS.sub("", str(error)), named, last, told(error.__cause__ or error.__context__)


ADDRESS = re.compile(
    r"0x[0-9a-f]+|127\.0\.0\.1:\d+|stainless-python-retry-[\w-]+|retrying.*|\d+\.\d+ seconds|req_\d+",
    re.IGNORECASE,
)
PASSING_IN_LOGS = re.compile(
    r"Headers\(.*?\)|'(date|x-request-id|idempotency_key|id)': '[^']*'", re.IGNORECASE
)
PASSING = ("x-stainless-read-timeout", "idempotency-key")


def received(endpoint: Endpoint) -> list[Any]:
    """The requests in full, without what is random in them."""
    requests = [
        (one.method, one.path, {k: v for k, v in one.headers.items() if k not in PASSING}, one.body)
        for one in endpoint.received
    ]
    return sorted(requests, key=lambda request: request[-1])


class Log(logging.Handler):
    """What the SDK and its HTTP library log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        if not record.name.startswith(("asyncio", "httpcore", "log10_trace")):
            text = ADDRESS.sub("", PASSING_IN_LOGS.sub("", record.getMessage()))
            self.lines.append((record.name, record.levelname, text))


@contextmanager
def logged() -> Iterator[list[Any]]:
    log, root = Log(), logging.getLogger()
    before = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    try:
        yield log.lines
    finally:
        root.setLevel(before)
        root.removeHandler(log)


def watch(name: str, endpoint: Endpoint, trouble: str | None = None) -> Seen:
    """Run a program once, against freshly scripted answers."""
    endpoint.reset()
    if trouble:
        endpoint.script(*TROUBLES[trouble]())
    else:
        script_for(name, endpoint)
    result, error = None, None
    with logged() as lines:
        try:
            result = _run(ALL[name], endpoint)
        except Exception as raised:  # noqa: BLE001 -- whatever the program's user sees
            error = raised
    return Seen(plain(result), told(error), received(endpoint), sorted(lines) if "gather" in name else lines)


def _run(program: programs.Program, endpoint: Endpoint) -> Any:
    options: dict[str, Any] = {
        "base_url": endpoint.url,
        "api_key": "sk-0123456789",
        "max_retries": 2,
        "timeout": 60,
    }
    if program.is_async:

        async def main() -> Any:
            async with openai.AsyncOpenAI(**options) as client:
                skip_without(client, program)
                return await program.run(client)

        return asyncio.run(main())
    with openai.OpenAI(**options) as client:
        skip_without(client, program)
        return program.run(client)


def patched(name: str, endpoint: Endpoint, trouble: str | None = None, sink: Any = None) -> Seen:
    """The same, patched."""
    instrument.install(sink or Kept())
    try:
        return watch(name, endpoint, trouble)
    finally:
        instrument.uninstall()


@pytest.mark.parametrize("name", ALL)
def test_every_surface_behaves_the_same(name: str, endpoint: Endpoint) -> None:
    """Results and their types, requests and their headers, what is logged: equal, and no fault of ours."""
    before = faults.counts()

    assert patched(name, endpoint) == watch(name, endpoint)
    assert faults.counts() == before


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("name", TROUBLED)
def test_every_failure_is_the_same(name: str, trouble: str, endpoint: Endpoint) -> None:
    """Type, text, cause and the user's last line of an exception, retries and logs: equal; and one record."""
    kept, before = Kept(), faults.counts()

    assert patched(name, endpoint, trouble, kept) == watch(name, endpoint, trouble)
    assert faults.counts() == before
    # Before openai 2.9 a stream that failed stays open for as long as somebody has its error.
    instrument.settle_open_streams()
    assert len(kept.records) == 1


class Broken:
    """A sink on a full disk."""

    def on_start(self, call: Call) -> None:
        """Fail."""
        raise OSError(28, "No space left on device")

    on_end = on_start


MODULES: tuple[ModuleType, ...] = (
    background, callsite, wrappers, credentials, recording, stack, tee, user_code, visible_frames, wire,
    record_call,
)  # fmt: skip
AT_THE_BORDER = {
    "note_request", "around", "_leave_out_client", "_frame", "_around_any",
    "has_parameters_of", "_attach_response_guarded", "__call__", "decode_body",
    "wrap_async_method", "set_app", "guard", "current", "merge_tags", "process_session",
    "__iter__", "__aiter__", "close", "aclose", "__del__", "_tee", "_tee_async", "_abandon", "open_streams",
    "urlsplit", "urlunsplit", "find_spec", "parse", "parse_qsl",
}  # fmt: skip
"""The wrappers themselves, which hand the program's own calls on, and what is not of this room."""


def steps() -> Iterator[tuple[Any, str]]:
    """Every function and method of ours that runs within a call of the program."""
    for module in MODULES:
        for name, thing in vars(module).items():
            if inspect.isfunction(thing) and name not in AT_THE_BORDER:
                yield module, name
            elif inspect.isclass(thing) and thing.__module__ == module.__name__ and name != "CaptureConfig":
                for method, function in vars(thing).items():
                    if inspect.isfunction(function) and method not in AT_THE_BORDER:
                        yield thing, method


STEPS = {f"{owner.__name__.rpartition('.')[2]}.{name}": (owner, name) for owner, name in steps()}
FAULTY = (
    "chat",
    "chat stream",
    "streaming response, in lines",
    "async chat",
    "async chat stream",
    "responses",
)


def fail(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("injected")


Case = tuple[str, str | None]
"""A program's name, and its trouble."""


@pytest.mark.parametrize("step", STEPS)
def test_a_fault_of_ours_changes_nothing(
    step: str, endpoint: Endpoint, unpatched: dict[Case, Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an exception from any of our functions, the program sees what it sees unpatched."""
    owner, name = STEPS[step]
    monkeypatch.setattr(owner, name, fail)

    seen = {case: patched(case[0], endpoint, case[1]) for case in unpatched}

    assert seen == unpatched


@pytest.fixture(scope="module")
def unpatched(shared_endpoint: Endpoint) -> dict[Case, Seen]:
    """What the programs that are run again with faults of ours see, as far as the SDK has them."""
    with openai.OpenAI(base_url=shared_endpoint.url, api_key="k") as client:
        here = [name for name in FAULTY if programs.has(client, ALL[name].needs)]
    cases: list[Case] = [*((name, None) for name in here), ("chat", "400")]
    return {case: watch(case[0], shared_endpoint, case[1]) for case in cases}


@pytest.mark.parametrize("name", FAULTY)
def test_a_sink_that_fails_changes_nothing(name: str, endpoint: Endpoint) -> None:
    """Nor does a full disk, and nothing of the call is left in memory."""
    before = set(recording._in_progress)

    assert patched(name, endpoint, sink=Broken()) == watch(name, endpoint)
    assert set(recording._in_progress) <= before


def test_cancellation_is_the_same(endpoint: Endpoint) -> None:
    """A call cancelled while it waits raises CancelledError, and is recorded as failed with it."""
    kept = Kept()

    async def cancelled() -> Any:
        held = threading.Event()
        endpoint.script(Answer(pieces=[b"{", held], chunked=True))
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="x") as client:
            task = asyncio.create_task(client.chat.completions.create(**programs.CHAT))
            while not (endpoint.received or task.done()):  # noqa: ASYNC110 -- the endpoint is another thread's
                await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as error:
                return error.args, task.cancelled()
            finally:
                held.set()

    unpatched = asyncio.run(cancelled())
    endpoint.reset()
    instrument.install(kept)
    try:
        assert asyncio.run(cancelled()) == unpatched == ((), True)
    finally:
        instrument.uninstall()
    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "CancelledError")
    assert kept.one["request"] == programs.CHAT
