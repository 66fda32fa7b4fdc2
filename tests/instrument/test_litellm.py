"""Calls of LiteLLM: those through the OpenAI SDK and those past it, each recorded once and to the byte."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from log10_trace import instrument
from tests.instrument.conftest import Kept
from tests.instrument.other_sdks import cancel_once
from tests.instrument.programs import MESSAGES
from tests.instrument.test_streams import BEGUN, words
from tests.model_answers import chat_chunks
from tests.model_endpoint import PATIENCE_S, Endpoint, error_answer, sse, sse_answer

litellm = pytest.importorskip("litellm", reason="litellm is not installed: it takes minutes and 400 MB")
# LiteLLM's own modules warn when they are imported and when they log.
pytestmark = pytest.mark.filterwarnings("ignore")
PROVIDERS = {
    "openai/m": "/chat/completions",
    "deepseek/m": "/chat/completions",
    "openrouter/a/m": "/chat/completions",
    "hosted_vllm/m": "/chat/completions",
    "mistral/m": "/chat/completions",
    "together_ai/m": "/chat/completions",
    "xai/m": "/chat/completions",
    "fireworks_ai/m": "/chat/completions",
    "anthropic/m": "/messages",
}
"""Models by their providers, and the endpoint that is called."""


def ask(endpoint: Endpoint, model: str = "deepseek/m", **more: Any) -> dict[str, Any]:
    """The arguments of a call."""
    base = endpoint.url.removesuffix("/v1") if model.startswith("anthropic/") else endpoint.url
    return {"model": model, "messages": MESSAGES, "api_base": base, "api_key": "sk-s3cr3t-1", **more}


@pytest.mark.parametrize("model", PROVIDERS)
def test_every_call_is_recorded_once(model: str, endpoint: Endpoint, kept: Kept) -> None:
    """Plain and streamed, sync and async; the request is what was sent, the line the program's own."""
    litellm.completion(**ask(endpoint, model))
    list(litellm.completion(**ask(endpoint, model, stream=True)))

    async def run() -> None:
        await litellm.acompletion(**ask(endpoint, model))
        async for _ in await litellm.acompletion(**ask(endpoint, model, stream=True)):
            pass

    asyncio.run(run())

    sent = [json.loads(received.body) for received in endpoint.received]
    assert [record.get("native_request", record["request"]) for record in kept.records] == sent
    assert [words(record) for record in kept.records] == ["Hello there"] * 4
    assert {record["endpoint"] for record in kept.records} == {PROVIDERS[model]}
    assert {record["base_url"] for record in kept.records} == {endpoint.url + "/"}
    assert {record["stacktrace"][-1]["file"] for record in kept.records} == {__file__}


def test_responses_and_the_router_are_recorded(endpoint: Endpoint, kept: Kept) -> None:
    """One record for each request."""
    litellm.responses(model="openai/gpt-4o-mini", input="hi", api_base=endpoint.url, api_key="k")
    params = {name: value for name, value in ask(endpoint).items() if name != "messages"}
    router = litellm.Router(model_list=[{"model_name": "a", "litellm_params": params}])
    router.completion(model="a", messages=MESSAGES)

    assert [record["endpoint"] for record in kept.records] == ["/responses", "/chat/completions"]
    assert kept.records[0]["native_request"]["input"] == "hi"


def test_a_refusal_is_recorded_without_the_key(endpoint: Endpoint, kept: Kept) -> None:
    """LiteLLM raises its own exception; the record has the body of the refusal."""
    endpoint.script(error_answer(429, "no more for sk-s3cr3t-1"))
    with pytest.raises(litellm.RateLimitError):
        litellm.completion(**ask(endpoint, num_retries=0))

    assert kept.one["status"] == "failed"
    assert kept.one["response"]["error"]["message"] == "no more for ***"
    assert b"s3cr3t" not in b"".join(kept.payloads)


def test_a_timeout_is_recorded(endpoint: Endpoint, kept: Kept) -> None:
    """With the request that was not answered."""
    held = threading.Event()
    endpoint.script(sse_answer(held=held))
    try:
        with pytest.raises(litellm.Timeout):
            litellm.completion(**ask(endpoint, timeout=0.2, num_retries=0))
        # The endpoint may be slower, and would take an answer of the next test.
        assert endpoint.has_received.wait(PATIENCE_S)
    finally:
        held.set()

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "Timeout")
    assert kept.one["request"]["messages"] == MESSAGES


def test_a_stream_that_is_left_early_is_interrupted(endpoint: Endpoint, kept: Kept) -> None:
    """And one whose task is cancelled has failed, each with what came."""
    held = threading.Event()
    endpoint.script(sse_answer(*BEGUN, held, *sse(*chat_chunks("x")[1:])), sse_answer(*BEGUN, held))

    def leave() -> None:
        for chunk in litellm.completion(**ask(endpoint, stream=True)):
            if chunk.choices[0].delta.content:
                return

    async def run() -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async for chunk in await litellm.acompletion(**ask(endpoint, stream=True)):
                if chunk.choices[0].delta.content:
                    begun.set()

        await cancel_once(begun, asyncio.create_task(read()))

    try:
        leave()
        instrument.settle_open_streams()
        asyncio.run(run())
    finally:
        held.set()

    left, cancelled = kept.records
    assert (left["status"], left["interrupted"]) == ("finished", True)
    assert (cancelled["status"], cancelled["failure_kind"]) == ("failed", "CancelledError")
    assert [words(record)[:2] for record in kept.records] == ["w0", "w0"]


def test_a_call_that_is_left_out_leaves_no_record_and_no_fault(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """With ``sample_rate`` 0 only a failure is kept, and that on request."""
    kept = Kept()
    instrument.install(kept, sample_rate=0.0)
    litellm.completion(**ask(endpoint))
    instrument.install(kept, sample_rate=0.0, keep_failures=True)
    litellm.completion(**ask(endpoint))
    endpoint.script(error_answer(400))
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**ask(endpoint))
    instrument.uninstall()

    assert kept.one["status"] == "failed"
    assert not [each for each in caplog.records if each.name == "log10_trace"]


def test_uninstall_restores_the_handlers(endpoint: Endpoint) -> None:
    """And later calls leave no record."""
    from litellm.llms.custom_httpx import http_handler

    owners = (http_handler.HTTPHandler, http_handler.AsyncHTTPHandler)
    before = [vars(owner)["post"] for owner in owners]
    kept = Kept()
    instrument.install(kept)
    assert all(vars(owner)["post"] is not old for owner, old in zip(owners, before, strict=True))
    instrument.uninstall()

    litellm.completion(**ask(endpoint))

    assert all(vars(owner)["post"] is old for owner, old in zip(owners, before, strict=True))
    assert not kept.payloads
