"""LiteLLM, where it calls the OpenAI SDK and where it sends requests itself."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import litellm

ASK: dict[str, Any] = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}


def plain() -> None:
    litellm.completion(**ASK)  # here


def stream() -> None:
    for _ in litellm.completion(**ASK, stream=True):  # here
        pass


def batch() -> None:
    messages = [[{"role": "user", "content": word}] for word in ("one", "two")]
    litellm.batch_completion(model=ASK["model"], messages=messages)  # here


async def async_plain() -> None:
    await litellm.acompletion(**ASK)  # here


async def async_stream() -> None:
    async for _ in await litellm.acompletion(**ASK, stream=True):  # here
        pass


async def async_gather() -> None:
    await asyncio.gather(litellm.acompletion(**ASK), litellm.acompletion(**ASK))  # here


def _past_the_sdk() -> dict[str, Any]:
    return {
        **ASK,
        "model": "deepseek/deepseek-chat",
        "api_base": os.environ["OPENAI_BASE_URL"],
        "api_key": "k",
    }


def past_the_sdk() -> None:
    litellm.completion(**_past_the_sdk())  # here


def past_the_sdk_stream() -> None:
    for _ in litellm.completion(**_past_the_sdk(), stream=True):  # here
        pass


def responses() -> None:
    litellm.responses(model="openai/gpt-4o-mini", input="hi")  # here


async def async_past_the_sdk() -> None:
    await litellm.acompletion(**_past_the_sdk())  # here
