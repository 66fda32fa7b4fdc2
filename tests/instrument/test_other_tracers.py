"""Beside two real tracers: OpenInference wraps the method we wrap, OpenLLMetry the ones above it.

Each is patched before us and after us. Both keep their spans in memory; nothing is sent anywhere.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import openai
import pytest
from openai.resources.chat.completions import Completions
from wrapt import FunctionWrapper

from log10_trace import instrument
from log10_trace.instrument import patch_points
from tests.instrument.conftest import Kept
from tests.instrument.programs import CHAT
from tests.model_endpoint import Endpoint

pytestmark = pytest.mark.filterwarnings("ignore:Support for class-based `config`")  # OpenLLMetry's own

ANSWER: Final = "Hello there"
TRACERS: Final = {
    "OpenInference": "openinference.instrumentation.openai",
    "OpenLLMetry": "opentelemetry.instrumentation.openai",
}


class OtherTracer:
    """A tracer that can be switched on and off, and the spans that it has made."""

    def __init__(self, module: str) -> None:
        spans = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is not installed")
        pytest.importorskip(module, reason=f"{module} is not installed")
        export = importlib.import_module("opentelemetry.sdk.trace.export")
        memory = importlib.import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter")
        self._exporter = memory.InMemorySpanExporter()
        self._provider = spans.TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(export.SimpleSpanProcessor(self._exporter))
        self._instrumentor = importlib.import_module(module).OpenAIInstrumentor()

    def on(self) -> None:
        """Patch the SDK."""
        self._instrumentor.instrument(tracer_provider=self._provider, skip_dep_check=True)

    def off(self) -> None:
        """Take its patches out again."""
        self._instrumentor.uninstrument()

    def taken(self) -> list[str]:
        """What each span since the last time holds, as text."""
        found = [span.to_json() for span in self._exporter.get_finished_spans()]
        self._exporter.clear()
        return found


class Ours:
    """log10_trace, switched on and off in the same way."""

    def __init__(self) -> None:
        self._kept = Kept()

    def on(self) -> None:
        """Patch the SDK."""
        instrument.install(self._kept)

    def off(self) -> None:
        """Take our patches out again."""
        instrument.uninstall()

    def taken(self) -> list[dict[str, Any]]:
        """The records since the last time."""
        found = self._kept.records
        self._kept.payloads.clear()
        return found


def sdk_classes() -> set[type]:
    """Every class of the SDK that is loaded."""
    modules = [module for name, module in sys.modules.items() if name.startswith("openai.")]
    values = [value for module in modules for value in list(vars(module).values())]
    # Not isinstance(): it would ask the SDK's stand-in for numpy, which raises where numpy is not installed.
    found = {value for value in values if issubclass(type(value), type)}
    return {each for each in found if each.__module__.startswith("openai.")}


@pytest.fixture(autouse=True)
def sdk_put_back() -> Iterator[None]:
    """The SDK's classes as they were: OpenInference leaves a copy behind, OpenLLMetry its wrappers.

    With wrapt 2, OpenLLMetry leaves them on every resource that it knows, in modules that it loads too.
    """
    owners = {Completions, *(patch.owner for patch in patch_points.method_patches())}
    before = {owner: dict(vars(owner)) for owner in owners}
    yield
    instrument.uninstall()
    for owner, names in before.items():
        for name in [name for name in vars(owner) if name not in names]:
            delattr(owner, name)
        for name, value in names.items():
            if vars(owner)[name] is not value:
                setattr(owner, name, value)
    for owner in sdk_classes():
        for name, value in list(vars(owner).items()):
            if isinstance(value, FunctionWrapper):
                setattr(owner, name, value.__wrapped__)


@pytest.fixture(params=TRACERS)
def other(request: pytest.FixtureRequest) -> OtherTracer:
    return OtherTracer(TRACERS[request.param])


def plain(url: str) -> Any:
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        return client.chat.completions.create(**CHAT)


def stream(url: str) -> Any:
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        return list(client.chat.completions.create(**CHAT, stream=True))


def async_call(url: str) -> Any:
    async def main() -> Any:
        async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
            return await client.chat.completions.create(**CHAT)

    return asyncio.run(main())


CALLS: Final = (plain, stream, async_call)
call_kinds: Final = pytest.mark.parametrize("call", CALLS)
we_come: Final = pytest.mark.parametrize("we_come", ["first", "last"])


def in_order(first: Any, second: Any, we_come: str) -> tuple[Any, Any]:
    return (first, second) if we_come == "first" else (second, first)


def check_record(records: list[dict[str, Any]]) -> None:
    """There is one record, it is whole, and its stack ends in this file."""
    assert [record["status"] for record in records] == ["finished"]
    assert "interrupted" not in records[0]
    assert records[0]["request"]["messages"] == CHAT["messages"]
    assert records[0]["response"]["choices"][0]["message"]["content"] == ANSWER
    assert records[0]["stacktrace"][-1]["file"] == __file__


def check_spans(spans: list[str]) -> None:
    """There is one span, and it has the answer."""
    assert len(spans) == 1
    assert ANSWER in spans[0]


@call_kinds
@we_come
def test_both_record_and_the_result_is_the_same(
    endpoint: Endpoint, other: OtherTracer, call: Callable[[str], Any], we_come: str
) -> None:
    """Whoever was patched first, the span and the record are both there, and so is the SDK's own result."""
    untraced = call(endpoint.url)
    ours = Ours()
    for tracer in in_order(ours, other, we_come):
        tracer.on()

    assert call(endpoint.url) == untraced

    check_record(ours.taken())
    check_spans(other.taken())
    other.off()


@call_kinds
@we_come
def test_we_leave_and_the_other_goes_on(
    endpoint: Endpoint, other: OtherTracer, call: Callable[[str], Any], we_come: str
) -> None:
    """After ``unpatch()`` there are spans and no records; once the other has left too, the SDK works."""
    untraced = call(endpoint.url)
    ours = Ours()
    for tracer in in_order(ours, other, we_come):
        tracer.on()

    ours.off()
    assert call(endpoint.url) == untraced
    check_spans(other.taken())
    other.off()
    assert call(endpoint.url) == untraced

    assert ours.taken() == []


@call_kinds
@we_come
def test_the_other_leaves_and_we_go_on(
    endpoint: Endpoint, other: OtherTracer, call: Callable[[str], Any], we_come: str
) -> None:
    """Even a tracer that takes our wrapper away with its own leaves us recording."""
    untraced = call(endpoint.url)
    ours = Ours()
    for tracer in in_order(ours, other, we_come):
        tracer.on()

    other.off()
    assert call(endpoint.url) == untraced
    check_record(ours.taken())
    ours.off()
    assert call(endpoint.url) == untraced

    assert ours.taken() == []


def test_nothing_of_a_tracer_is_left_for_the_next_test() -> None:
    """After the tests above, in the same process, no method of the SDK is wrapped."""
    wrapped = {
        f"{owner.__qualname__}.{name}"
        for owner in sdk_classes()
        for name, value in vars(owner).items()
        if isinstance(value, FunctionWrapper)
    }

    assert not wrapped
