"""``install`` and ``uninstall``: the SDK as it was, bit for bit, and beside other tracers."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import logging
import pickle
import pydoc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import wrapt
from openai import _base_client
from openai.resources.chat.completions import AsyncCompletions

from log10_trace import instrument
from log10_trace.instrument import patch_points
from tests.instrument.conftest import Kept
from tests.instrument.programs import CHAT, Body, closable
from tests.instrument.test_streams import BEGUN, words
from tests.model_answers import chat_chunks
from tests.model_endpoint import Endpoint, sse, sse_answer
from tests.processes import program

CLASSES = (openai.OpenAI, openai.AsyncOpenAI, _base_client.SyncAPIClient, _base_client.AsyncAPIClient)


OWNERS = {*CLASSES, *(seam.owner for seam in patch_points.method_patches())}


def snapshot() -> list[dict[str, Any]]:
    """Everything that stands in the classes we cut into."""
    return [
        dict(vars(owner)) for owner in sorted(OWNERS, key=lambda owner: owner.__qualname__ + owner.__module__)
    ]


@pytest.fixture(autouse=True)
def unpatched() -> Iterator[None]:
    yield
    instrument.uninstall()


@pytest.fixture
def client(endpoint: Endpoint) -> Any:
    with openai.OpenAI(base_url=endpoint.url, api_key="k") as made:
        yield made


@pytest.mark.parametrize("times", [1, 2])
def test_uninstall_restores_the_sdk_bit_for_bit(times: int) -> None:
    """After any number of ``install``, every attribute of every class is the object it was."""
    before = snapshot()

    for _ in range(times):
        instrument.install(Kept())
    assert snapshot() != before
    instrument.uninstall()

    assert all(
        now.keys() == then.keys() and all(now[name] is then[name] for name in then)
        for now, then in zip(snapshot(), before, strict=True)
    )


def test_installing_twice_records_once_with_the_later_settings(client: Any) -> None:
    """The second ``install`` replaces the first."""
    first, second = Kept(), Kept()
    instrument.install(first, tags=("a",))
    instrument.install(second, tags=("b", "b", "c"), metadata={"x": 1}, organization_id="org")

    client.chat.completions.create(**CHAT)

    assert not first.payloads
    assert second.one["tags"] == ["b", "c"]
    assert (second.one["metadata"], second.one["organization_id"]) == ({"x": 1}, "org")


def test_uninstall_while_a_stream_is_open(client: Any, endpoint: Endpoint) -> None:
    """The stream goes on, and is recorded to its end; later calls are not."""
    kept, held = Kept(), threading.Event()
    endpoint.script(sse_answer(*BEGUN, held, *sse(*chat_chunks("x")[1:])))
    instrument.install(kept)
    stream = client.chat.completions.create(**CHAT, stream=True)
    next(stream)

    instrument.uninstall()
    held.set()
    rest = list(stream)
    client.chat.completions.create(**CHAT)

    assert rest[-1].choices == []
    assert words(kept.one) == "w0 w1 x"


def other_tracer(client_class: type, seen: list[str]) -> Callable[[], None]:
    """Another tracer on the same seam; gives what undoes it."""
    before = client_class.__dict__.get("request")

    def traced(wrapped: Any, _client: Any, args: Any, kwargs: Any) -> Any:
        seen.append("before")
        try:
            return wrapped(*args, **kwargs)
        finally:
            seen.append("after")

    wrapt.wrap_function_wrapper(client_class, "request", traced)

    def undo() -> None:
        if before is None:
            del client_class.request  # type: ignore[attr-defined]
        else:
            client_class.request = before  # type: ignore[attr-defined]

    return undo


def test_another_tracer_below(client: Any) -> None:
    """Who was there first goes on, and is there after us."""
    kept, seen = Kept(), []  # type: tuple[Kept, list[str]]
    undo = other_tracer(openai.OpenAI, seen)
    instrument.install(kept)

    client.chat.completions.create(**CHAT)
    instrument.uninstall()
    client.chat.completions.create(**CHAT)
    undo()

    assert len(kept.payloads) == 1
    assert seen == ["before", "after"] * 2
    assert "request" not in vars(openai.OpenAI)


def test_another_tracer_on_top(client: Any) -> None:
    """Who came later keeps its place: we are switched off beneath it, and on again without a new one."""
    kept, seen = Kept(), []  # type: tuple[Kept, list[str]]
    instrument.install(kept)
    undo = other_tracer(openai.OpenAI, seen)

    client.chat.completions.create(**CHAT)
    instrument.uninstall()
    client.chat.completions.create(**CHAT)
    assert len(kept.payloads) == 1
    instrument.install(kept)
    client.chat.completions.create(**CHAT)

    assert len(kept.payloads) == 2
    assert seen == ["before", "after"] * 3
    undo()
    instrument.uninstall()
    assert "request" not in vars(openai.OpenAI)


def test_another_tracer_that_erases_us(client: Any) -> None:
    """A tracer that puts back what it saw takes our wrapper away; the next ``install`` cuts in anew."""
    kept = Kept()
    instrument.install(kept)
    del openai.OpenAI.request

    instrument.install(kept)
    client.chat.completions.create(**CHAT)

    assert len(kept.payloads) == 1


def test_a_tracer_on_the_client_object_does_not_hide_us(client: Any) -> None:
    """With ``request`` replaced on one client, the response is recorded where it is in hand."""
    kept = Kept()
    plain = client.request
    instrument.install(kept)
    client.request = lambda *args, **kwargs: plain.__func__(client, *args, **kwargs)

    client.chat.completions.create(**CHAT)
    list(client.chat.completions.create(**CHAT, stream=True))

    assert [record["status"] for record in kept.records] == ["finished"] * 2
    assert [words(record) for record in kept.records] == ["Hello there"] * 2


@pytest.mark.parametrize("lost", ["request", "_process_response"])
def test_a_missing_seam_is_said_by_name_and_nothing_is_patched(
    lost: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, client: Any
) -> None:
    """On a version of the SDK that we do not fit, the program runs unpatched, and is told once."""
    before = snapshot()
    client_class = type("OpenAI", (), {})
    setattr(client_class, "request" if lost != "request" else "_process_response", print)
    monkeypatch.setattr(openai, "OpenAI", client_class)

    with caplog.at_level(logging.WARNING, "log10_trace"):
        assert instrument.install(Kept()) is False

    assert f"OpenAI.{lost}" in caplog.text
    assert len(caplog.records) == 1
    assert snapshot() == before


METHODS = (
    openai.OpenAI.request,
    openai.AsyncOpenAI.request,
    _base_client.SyncAPIClient._process_response,
    AsyncCompletions.create,
)


def described() -> list[Any]:
    """What introspection tells of the methods we cut into."""
    methods: list[Any] = [
        openai.OpenAI.request,
        openai.AsyncOpenAI.request,
        _base_client.SyncAPIClient._process_response,
        AsyncCompletions.create,
    ]
    return [
        (
            inspect.signature(method),
            inspect.iscoroutinefunction(method),
            inspect.isfunction(method),
            pydoc.render_doc(method),
            inspect.getsource(method),
            (method.__name__, method.__qualname__, method.__module__, method.__doc__, method.__annotations__),
            isinstance(method, type(described)),
        )
        for method in methods
    ]


def test_introspection_tells_the_same(client: Any) -> None:
    """Signature, source, help, kind and names of the SDK's methods are unchanged."""
    before = described(), inspect.signature(client.request), repr(client.chat.completions)[:40]
    instrument.install(Kept())

    assert (described(), inspect.signature(client.request), repr(client.chat.completions)[:40]) == before


def test_copies_and_pickles_are_the_same(client: Any) -> None:
    """The SDK's methods copy as they did; its results pickle and copy, and are of their own types."""
    instrument.install(Kept())
    holder = {"create": AsyncCompletions.create, "request": client.request}

    assert openai.OpenAI.request(client, Body, _options()).id == "cmpl-1"
    with pytest.raises(TypeError, match="missing"):
        openai.OpenAI.request()  # type: ignore[call-overload]
    assert copy.copy(holder["request"])(Body, _options()).id == "cmpl-1"
    assert copy.copy(AsyncCompletions.create) is AsyncCompletions.create
    assert copy.deepcopy(AsyncCompletions.create) is AsyncCompletions.create
    answer = client.chat.completions.create(**CHAT)
    assert pickle.loads(pickle.dumps(answer)) == copy.deepcopy(answer) == answer
    assert type(answer) is openai.types.chat.ChatCompletion
    stream = client.chat.completions.create(**CHAT, stream=True)
    assert type(stream) is openai.Stream
    assert isinstance(stream.response.stream, type(stream.response.stream.__wrapped__))
    list(stream)
    raw = client.chat.completions.with_raw_response.create(**CHAT).http_response
    assert pickle.loads(pickle.dumps(raw)).content == raw.content


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_methods_are_pickled_as_they_are_bare(client: Any, protocol: int) -> None:
    """A method of the SDK's classes is itself again; what cannot be pickled or copied bare cannot be now."""
    methods = [
        lambda: openai.OpenAI.request,
        lambda: openai.AsyncOpenAI.request,
        lambda: _base_client.SyncAPIClient._process_response,
        lambda: AsyncCompletions.create,
        lambda: functools.partial(openai.OpenAI.request),
    ]
    refused = [
        lambda: vars(openai.OpenAI).get("request", openai.OpenAI.request).__reduce__(),
        lambda: pickle.dumps(client.request, protocol),
    ]
    before = [_refusal(each) for each in refused]
    instrument.install(Kept())

    for method in methods[:-1]:
        assert pickle.loads(pickle.dumps(method(), protocol)) is method()
    assert pickle.loads(pickle.dumps(methods[-1](), protocol)).func is openai.OpenAI.request
    assert [_refusal(each) for each in refused] == before
    assert client.request.__reduce__() == (getattr, (client, "request"))
    pickled = pickle.dumps(openai.OpenAI.request, protocol)
    instrument.uninstall()
    assert pickle.loads(pickled) is openai.OpenAI.request


def _refusal(act: Callable[[], Any]) -> tuple[type, str]:
    with pytest.raises(TypeError) as refused:
        act()
    return refused.type, str(refused.value)


def test_a_bound_method_is_copied_deeply_with_its_client(endpoint: Endpoint) -> None:
    """As bare: the copy is a method of the copied client."""

    class Copied(openai.OpenAI):
        def __deepcopy__(self, memo: Any) -> Any:
            return self.copy(api_key="copied")

    instrument.install(Kept())
    with Copied(base_url=endpoint.url, api_key="k") as client:
        assert copy.deepcopy(client.request).__self__.api_key == "copied"
        assert copy.deepcopy([client.request])[0](Body, _options()).id == "cmpl-1"


def test_wraps_and_partials_of_a_method(client: Any) -> None:
    """``functools.wraps`` takes over what it takes over from the bare method; a copied one can be called."""
    before = vars(functools.wraps(openai.OpenAI.request)(lambda: None))
    instrument.install(Kept())
    now = vars(functools.wraps(openai.OpenAI.request)(lambda: None))

    assert before.keys() == now.keys()
    assert inspect.unwrap(now["__wrapped__"]) is inspect.unwrap(before["__wrapped__"])
    assert functools.partial(client.request, Body, _options())().id == "cmpl-1"


ANEW = """
import os, sys
import log10_trace, openai

def purge():
    for name in [name for name in sys.modules if name.partition(".")[0] == "openai"]:
        del sys.modules[name]

def ask(module):
    client = module.OpenAI(base_url=os.environ["BASE_URL"], api_key="k", max_retries=0)
    client.chat.completions.create(model="m", messages=[])
    list(client.chat.completions.create(model="m", messages=[], stream=True))
    return client

log10_trace.patch()
first, old = openai, "request" in vars(openai.OpenAI)
client = ask(first)
purge()
log10_trace.patch(**eval(sys.argv[-1]))
import openai
assert openai.OpenAI is not first.OpenAI
ask(openai)
client.chat.completions.create(model="m", messages=[])
with log10_trace.testing.capture() as seen:
    ask(openai)
print(log10_trace.stats().captured, len(seen), old)
log10_trace.unpatch()
print([name for each in (openai, first) for name in ("request",) if name in vars(each.OpenAI)])
ask(openai)
print(log10_trace.stats().captured)
"""


@pytest.mark.parametrize("settings", ["{}", "{'tags': ['other']}"])
def test_an_sdk_that_was_imported_anew_is_patched_by_the_next_patch(
    private_home: Path, endpoint: Endpoint, settings: str
) -> None:
    """With the same settings or others: the new classes record, the old go on, and ``unpatch`` frees both."""
    source = ANEW.replace("sys.argv[-1]", repr(settings))
    ended = program(private_home, source, BASE_URL=endpoint.url)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["5 2 True", "[]", "5"]


def _options() -> Any:
    return openai._models.FinalRequestOptions(method="post", url="/chat/completions", json_data=dict(CHAT))


@closable
def test_elapsed_is_there_once_a_stream_is_read(client: Any) -> None:
    """The HTTP library reads the time a response took from its byte stream."""
    instrument.install(Kept())
    with client.chat.completions.create(**CHAT, stream=True) as stream:
        list(stream)

    assert stream.response.elapsed.total_seconds() > 0


def test_nothing_is_kept_of_calls_that_ended(client: Any) -> None:
    """A thousand calls leave no recording, no site and no stream behind."""
    instrument.install(Kept())
    for _ in range(20):
        client.chat.completions.create(**CHAT)
        list(client.chat.completions.create(**CHAT, stream=True))
        client.chat.completions.create(**CHAT, stream=True).response.close()
    gc.collect()

    assert not instrument.recording._in_progress
    assert not instrument.wrappers.callsite._sites
