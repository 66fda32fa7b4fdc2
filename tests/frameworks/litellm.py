"""LiteLLM, where it calls the OpenAI SDK."""

from __future__ import annotations

import asyncio
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
