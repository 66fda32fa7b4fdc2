"""Strands agents, which always stream."""

from __future__ import annotations

import asyncio
from typing import Any

from strands import Agent, tool
from strands.models.openai import OpenAIModel

model = OpenAIModel(model_id="gpt-4o-mini")


@tool
def _weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


def _agent(*tools: Any) -> Agent:
    return Agent(model=model, tools=list(tools), callback_handler=None)


def plain() -> None:
    _agent()("hi")  # here


def with_a_tool() -> None:
    _agent(_weather)("hi")  # here


async def async_plain() -> None:
    await _agent().invoke_async("hi")  # here


async def async_stream() -> None:
    async for _ in _agent(_weather).stream_async("hi"):  # here
        pass


async def async_gather() -> None:
    await asyncio.gather(_agent().invoke_async("one"), _agent().invoke_async("two"))  # here
