"""Mirascope's calls."""

from __future__ import annotations

import asyncio

from mirascope import llm


@llm.call("openai/gpt-4o-mini:completions")
def _greet() -> str:
    return "Say hi"


@llm.call("openai/gpt-4o-mini:responses")
def _respond() -> str:
    return "Say hi"


@llm.call("openai/gpt-4o-mini:completions")
async def _greet_async() -> str:
    return "Say hi"


def plain() -> None:
    _greet()  # here


def responses_api() -> None:
    _respond()  # here


def stream() -> None:
    for _ in _greet.stream().text_stream():  # here
        pass


async def async_plain() -> None:
    await _greet_async()  # here


async def async_gather() -> None:
    await asyncio.gather(_greet_async(), _greet_async())  # here
