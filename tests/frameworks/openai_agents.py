"""openai-agents, with the Responses API and with chat completions."""

from __future__ import annotations

import asyncio

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)


@function_tool
def _weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


plain_agent = Agent(name="plain", model="gpt-4o-mini")
agent = Agent(name="tools", model="gpt-4o-mini", tools=[_weather])
chat = OpenAIChatCompletionsModel(model="gpt-4o-mini", openai_client=AsyncOpenAI())
chat_agent = Agent(name="chat", model=chat, tools=[_weather])


def plain() -> None:
    Runner.run_sync(plain_agent, "hi")  # here


async def async_plain() -> None:
    await Runner.run(plain_agent, "hi")  # here


async def async_tool() -> None:
    await Runner.run(agent, "hi")  # here


async def async_chat_completions() -> None:
    await Runner.run(chat_agent, "hi")  # here


async def async_stream() -> None:
    result = Runner.run_streamed(agent, "hi")  # here
    async for _ in result.stream_events():  # here
        pass


async def async_gather() -> None:
    await asyncio.gather(Runner.run(plain_agent, "one"), Runner.run(plain_agent, "two"))  # here
