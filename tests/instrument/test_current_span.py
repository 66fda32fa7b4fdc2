"""The OpenTelemetry span in which a call begins stands in its record."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import openai
import pytest

from log10_trace.guard import faults
from log10_trace.instrument.current_span import read_current_span
from tests.instrument.conftest import Kept
from tests.instrument.programs import CHAT, seeded
from tests.model_answers import chat_chunks
from tests.model_endpoint import Endpoint, sse, sse_answer

# The environments of tests/matrix.py with an old SDK have none.
trace = pytest.importorskip("opentelemetry.trace")
context = pytest.importorskip("opentelemetry.context")
TracerProvider = pytest.importorskip("opentelemetry.sdk.trace").TracerProvider
TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("a program")


@pytest.fixture
def client(endpoint: Endpoint) -> Any:
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as made:
        yield made


def ids(span: Any) -> tuple[str, str]:
    """As OpenTelemetry writes the ids of a span."""
    own = span.get_span_context()
    return trace.format_trace_id(own.trace_id), trace.format_span_id(own.span_id)


def test_a_record_has_the_ids_of_the_current_span(client: Any, kept: Kept) -> None:
    """Of the innermost span, in digits that OpenTelemetry itself writes; none outside of a span."""
    with TRACER.start_as_current_span("outer"), TRACER.start_as_current_span("inner") as inner:
        client.chat.completions.create(**CHAT)
    client.chat.completions.create(**CHAT)

    inside, outside = kept.records
    assert (inside["trace_id"], inside["span_id"]) == ids(inner)
    assert (len(inside["trace_id"]), len(inside["span_id"])) == (32, 16)
    assert not {"trace_id", "span_id"} & set(outside)


def test_ids_keep_their_leading_zeros(client: Any, kept: Kept) -> None:
    """Small numbers are written with all their digits."""
    small = trace.NonRecordingSpan(trace.SpanContext(trace_id=0xA, span_id=0xB, is_remote=True))
    with trace.use_span(small):
        client.chat.completions.create(**CHAT)

    assert kept.one["trace_id"] == "0000000000000000000000000000000a"
    assert kept.one["span_id"] == "000000000000000b"


def test_the_span_of_the_beginning_counts(endpoint: Endpoint, client: Any, kept: Kept) -> None:
    """A stream that is read outside of its span, or in another one, belongs to the one it began in."""
    endpoint.script(sse_answer(*sse(*chat_chunks("Hello"))))
    with TRACER.start_as_current_span("asks") as asks:
        stream = client.chat.completions.create(**CHAT, stream=True)
    with TRACER.start_as_current_span("reads"):
        list(stream)

    assert (kept.one["trace_id"], kept.one["span_id"]) == ids(asks)


def test_each_task_has_its_own_span(endpoint: Endpoint, kept: Kept) -> None:
    """Calls of tasks that run side by side keep the spans of their tasks."""
    expected: dict[int, tuple[str, str]] = {}

    async def ask(client: Any, seed: int) -> None:
        with TRACER.start_as_current_span(f"task {seed}") as span:
            expected[seed] = ids(span)
            await client.chat.completions.create(**seeded(seed))

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as client:
            await asyncio.gather(*(ask(client, seed) for seed in range(4)))

    asyncio.run(main())

    found = {record["request"]["seed"]: (record["trace_id"], record["span_id"]) for record in kept.records}
    assert found == expected
    assert len(set(expected.values())) == 4


@pytest.mark.parametrize("loaded", [None, object()], ids=["not in the program", "half imported"])
def test_opentelemetry_is_not_imported_for_it(
    client: Any, kept: Kept, monkeypatch: pytest.MonkeyPatch, loaded: object | None
) -> None:
    """A program without it, or in the middle of importing it, is recorded without a span."""
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    if loaded is not None:
        monkeypatch.setitem(sys.modules, "opentelemetry.trace", loaded)  # type: ignore[arg-type]
    client.chat.completions.create(**CHAT)

    assert sys.modules.get("opentelemetry.trace") is loaded
    assert kept.one["status"] == "finished"
    assert "trace_id" not in kept.one


def test_a_tracer_that_raises_costs_no_record(
    client: Any, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call is made and recorded without a span; the fault is counted."""

    def fail() -> None:
        raise RuntimeError("no span today")

    monkeypatch.setattr(trace, "get_current_span", fail)
    counted = faults.counts().get("reading the current OpenTelemetry span", 0)
    client.chat.completions.create(**CHAT)

    assert kept.one["status"] == "finished"
    assert faults.counts()["reading the current OpenTelemetry span"] == counted + 1


def test_an_invalid_span_is_none() -> None:
    """What OpenTelemetry gives where no span is current has ids of zeros, which are no ids."""
    before = context.attach(trace.set_span_in_context(trace.INVALID_SPAN))
    try:
        assert read_current_span() is None
    finally:
        context.detach(before)
