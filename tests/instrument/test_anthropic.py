"""Calls of Anthropic's SDK: recorded as they were sent and answered, with a view as chat beside it."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from tests.instrument.conftest import Kept
from tests.instrument.other_sdks import cancel_once
from tests.model_answers import message, message_events
from tests.model_endpoint import PATIENCE_S, Endpoint, error_answer, json_answer, sse, sse_answer

anthropic = pytest.importorskip("anthropic", reason="anthropic is not installed")
ASK: dict[str, Any] = {
    "model": "claude-test",
    "max_tokens": 100,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "hi"}],
}
TOOL = {"type": "tool_use", "id": "t1", "name": "look", "input": {"where": "here"}}
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
EVENTS = message_events(message("Hello there", THINKING, TOOL))


def options(endpoint: Endpoint) -> dict[str, Any]:
    return {"base_url": endpoint.url.removesuffix("/v1"), "api_key": "k", "max_retries": 0}


@pytest.fixture
def client(endpoint: Endpoint) -> Any:
    with anthropic.Anthropic(**options(endpoint)) as made:
        yield made


def said(record: dict[str, Any]) -> str:
    """The answer, as readers of chat find it."""
    return str(record["response"]["choices"][0]["message"]["content"])


def test_a_message_leaves_its_record(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """What was sent and what came stand whole, and as chat for every reader; the URL is the endpoint's."""
    answer = json.dumps(message()).encode()
    endpoint.script(json_answer(answer, headers={"request-id": "req_own"}))

    assert client.messages.create(**ASK).content[0].text == "Hello there"

    record = kept.one
    assert record["native_request"] == json.loads(endpoint.received[-1].body) == ASK
    assert record["native_response"] == message()
    assert [each["role"] for each in record["request"]["messages"]] == ["system", "user"]
    assert (said(record), record["response"]["usage"]["total_tokens"]) == ("Hello there", 5)
    assert (record["status"], record["kind"], record["endpoint"]) == ("finished", "chat", "/messages")
    assert record["base_url"] == endpoint.url + "/"
    assert record["request_id"].startswith("req_")
    assert record["stacktrace"][-1]["file"] == __file__


STREAMS: dict[str, Any] = {
    "create": lambda client: list(client.messages.create(**ASK, stream=True)),
    "beta": lambda client: list(client.beta.messages.create(**ASK, stream=True)),
    "raw": lambda client: list(client.messages.with_raw_response.create(**ASK, stream=True).parse()),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_becomes_the_message(name: str, client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """Text, thinking with its signature, and the input of a tool, as the unstreamed call gives them."""
    endpoint.script(sse_answer(*sse(*EVENTS, done=False)))

    assert len(STREAMS[name](client)) >= len(EVENTS) - 3

    assert kept.one["native_response"] == message("Hello there", THINKING, TOOL)
    assert kept.one["response"]["choices"][0]["message"]["reasoning"] == "Hm."
    assert "interrupted" not in kept.one
    assert "time_to_first_token" in kept.one


def test_the_stream_helper_is_recorded(client: Any, kept: Kept) -> None:
    """Read as texts, and left in the middle."""
    with client.messages.stream(**ASK) as stream:
        assert "".join(stream.text_stream) == "Hello there"
        assert stream.get_final_message().stop_reason == "end_turn"
    with client.messages.stream(**ASK) as stream:
        next(iter(stream.text_stream))

    whole, part = kept.records
    assert (said(whole), "interrupted" in whole) == ("Hello there", False)
    assert (part["status"], part["native_response"]["type"]) == ("finished", "message")


def test_a_stream_that_is_left_early_is_interrupted(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """By ``close()``: with what came, and without a finish reason."""
    held = threading.Event()
    endpoint.script(sse_answer(*sse(*EVENTS[:4], done=False), held))
    stream = client.messages.create(**ASK, stream=True)
    for event in stream:
        if event.type == "content_block_delta":
            break
    stream.close()
    held.set()

    assert (kept.one["status"], kept.one["interrupted"]) == ("finished", True)
    assert said(kept.one).startswith("Hello")
    assert kept.one["response"]["choices"][0]["finish_reason"] is None


def test_async_calls_leave_their_records(endpoint: Endpoint, kept: Kept) -> None:
    """Plain, streamed, by the helper, in a task."""

    async def run() -> None:
        async with anthropic.AsyncAnthropic(**options(endpoint)) as client:
            await client.messages.create(**ASK)
            async for _ in await client.messages.create(**ASK, stream=True):
                pass
            async with client.messages.stream(**ASK) as stream:
                assert await stream.get_final_text() == "Hello there"
            await asyncio.create_task(client.messages.create(**ASK))

    asyncio.run(run())

    assert [said(record) for record in kept.records] == ["Hello there"] * 4
    assert {record["stacktrace"][-1]["file"] for record in kept.records} == {__file__}


def test_a_cancelled_stream_is_a_failure(endpoint: Endpoint, kept: Kept) -> None:
    """With what had come."""
    held = threading.Event()
    endpoint.script(sse_answer(*sse(*EVENTS[:4], done=False), held))

    async def run() -> None:
        begun = asyncio.Event()
        async with anthropic.AsyncAnthropic(**options(endpoint)) as client:

            async def read() -> None:
                async for event in await client.messages.create(**ASK, stream=True):
                    if event.type == "content_block_delta":
                        begun.set()

            await cancel_once(begun, asyncio.create_task(read()))

    try:
        asyncio.run(run())
    finally:
        held.set()

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "CancelledError")
    assert said(kept.one).startswith("Hello")


def test_failures_are_recorded(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """A refusal, an error in a stream, a connection that breaks."""
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    limited = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    endpoint.script(
        json_answer(limited, status=429),
        sse_answer(*sse(*EVENTS[:4], overloaded, done=False)),
        sse_answer(*sse(*EVENTS[:4], done=False), cut=True),
    )
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(**ASK)
    with pytest.raises(anthropic.APIStatusError):
        list(client.messages.create(**ASK, stream=True))
    with pytest.raises(Exception, match=r"(?i)peer|incomplete|connection|chunk"):
        list(client.messages.create(**ASK, stream=True))

    refused, broken, lost = kept.records
    assert (refused["failure_kind"], refused["native_response"]) == ("RateLimitError", limited)
    assert (broken["status"], broken["failure_kind"]) == ("failed", "overloaded_error")
    assert said(broken).startswith("Hello")
    assert (lost["status"], said(lost)) == ("failed", said(broken))


def test_a_timeout_is_a_failure(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """With the request that was not answered."""
    held = threading.Event()
    endpoint.script(json_answer({}, held=held))
    try:
        with pytest.raises(anthropic.APITimeoutError):
            client.with_options(timeout=0.05).messages.create(**ASK)
        # The endpoint may be slower, and would take an answer of the next test.
        assert endpoint.has_received.wait(PATIENCE_S)
    finally:
        held.set()

    assert (kept.one["failure_kind"], kept.one["native_request"]) == ("APITimeoutError", ASK)


def test_retries_are_one_record(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """The SDK's own retries are counted."""
    endpoint.script(error_answer(500, headers={"retry-after-ms": "1"}))
    client.with_options(max_retries=1).messages.create(**ASK)

    assert (kept.one["status"], kept.one["retries"]) == ("finished", 1)


def test_other_endpoints_leave_no_record(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """Counted tokens and batches are no answers."""
    endpoint.script(json_answer({"input_tokens": 3}), json_answer({"data": [], "has_more": False}))
    client.messages.count_tokens(model="m", messages=ASK["messages"])
    client.messages.batches.list()

    assert not kept.payloads


def test_a_middleware_that_is_shown_failures_leaves_one_record(endpoint: Endpoint, kept: Kept) -> None:
    """The SDK hands it every attempt; what the program gets is what counts."""
    seen: list[int] = []

    def watch(request: Any, call_next: Any) -> Any:
        response = call_next(request)
        seen.append(response.http_response.status_code)
        return response

    try:
        client = anthropic.Anthropic(**options(endpoint) | {"max_retries": 1}, middleware=[watch])
    except TypeError:
        pytest.skip("this version of anthropic has no middleware")
    with client:
        endpoint.script(error_answer(500, headers={"retry-after-ms": "1"}))
        client.messages.create(**ASK)
        endpoint.script(error_answer(500, headers={"retry-after-ms": "1"}))
        list(client.messages.create(**ASK, stream=True))

    assert seen == [500, 200, 500, 200]
    assert [(each["status"], said(each)) for each in kept.records] == [("finished", "Hello there")] * 2


def test_vertex_and_bedrock_are_recorded(endpoint: Endpoint, kept: Kept) -> None:
    """They rewrite the path and the body below the place where we cut in; the request is what was sent."""
    url = endpoint.url.removesuffix("/v1")
    vertex = anthropic.AnthropicVertex(region="r", project_id="p", access_token="t", base_url=url)
    endpoint.script(sse_answer(*sse(*message_events(message()), done=False)), json_answer(message()))
    with vertex:
        list(vertex.messages.create(**ASK, stream=True))
    try:
        bedrock = anthropic.AnthropicBedrock(aws_region="r", api_key="k", base_url=url)
    except TypeError:
        pytest.skip("this version of anthropic signs requests to Bedrock with another package")
    with bedrock:
        bedrock.messages.create(**ASK)

    assert [said(record) for record in kept.records] == ["Hello there"] * 2
    sent = [json.loads(received.body) for received in endpoint.received]
    assert [record["native_request"] for record in kept.records] == sent
    assert "anthropic_version" in sent[0]
    assert kept.records[0]["response"]["model"] == message()["model"]
