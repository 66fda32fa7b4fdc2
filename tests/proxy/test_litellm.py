"""LiteLLM, which has transports of its own, through the proxy: what it gets directly, and all its records."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.instrument.programs import MESSAGES
from tests.model_endpoint import Endpoint
from tests.proxy.conftest import RunningProxy

litellm = pytest.importorskip("litellm", reason="litellm is not installed: it takes minutes and 400 MB")
# LiteLLM's own modules warn when they are imported and when they log.
pytestmark = pytest.mark.filterwarnings("ignore")


def ask(model: str, url: str) -> list[Any]:
    """What LiteLLM makes of the answers: plain and streamed, without and within an event loop."""
    arguments = {"model": model, "messages": MESSAGES, "api_base": url, "api_key": "sk-s3cr3t-1"}

    async def run() -> list[Any]:
        plain = await litellm.acompletion(**arguments)
        return [plain, *[chunk async for chunk in await litellm.acompletion(**arguments, stream=True)]]

    plain = litellm.completion(**arguments)
    answers = [plain, *litellm.completion(**arguments, stream=True), *asyncio.run(run())]
    return [[choice.model_dump() for choice in answer.choices] for answer in answers]


@pytest.mark.parametrize("model", ["openai/m", "deepseek/m", "hosted_vllm/m", "mistral/m"])
def test_litellm_gets_what_it_gets_directly(model: str, endpoint: Endpoint, proxy: RunningProxy) -> None:
    """The answers are those of a direct call, the requests the same, and each call is a record."""
    direct = ask(model, endpoint.url)
    sent = [json.loads(request.body) for request in endpoint.received]
    endpoint.received.clear()

    assert ask(model, f"{proxy.url}/v1") == direct

    assert [json.loads(request.body) for request in endpoint.received] == sent
    records = proxy.sink.wait_for(4)
    assert [record.get("native_request", record["request"]) for record in records] == sent
    assert b"s3cr3t" not in json.dumps(records).encode()
