"""LlamaIndex with llama-index-llms-openai."""

from __future__ import annotations

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI

llm = OpenAI(model="gpt-4o-mini")


def _weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


def plain() -> None:
    llm.chat([ChatMessage(role="user", content="hi")])  # here


def complete() -> None:
    llm.complete("hi")  # here


def stream() -> None:
    for _ in llm.stream_complete("hi"):  # here
        pass


async def async_plain() -> None:
    await llm.achat([ChatMessage(role="user", content="hi")])  # here


async def async_stream() -> None:
    async for _ in await llm.astream_complete("hi"):  # here
        pass


async def async_gather() -> None:
    await asyncio.gather(llm.acomplete("one"), llm.acomplete("two"))  # here


async def async_agent_with_a_tool() -> None:
    agent = FunctionAgent(tools=[_weather], llm=llm)
    await agent.run("hi")  # here
