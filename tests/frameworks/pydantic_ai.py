"""pydantic-ai, with chat completions and with the Responses API."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel


class City(BaseModel):
    """What is asked for."""

    name: str


def _weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


agent = Agent(OpenAIChatModel("gpt-4o-mini"))
responses = Agent(OpenAIResponsesModel("gpt-4o-mini"))
with_tool = Agent(OpenAIChatModel("gpt-4o-mini"), tools=[_weather])
typed = Agent(OpenAIChatModel("gpt-4o-mini"), output_type=City)


def plain() -> None:
    agent.run_sync("hi")  # here


def responses_api() -> None:
    responses.run_sync("hi")  # here


def tool() -> None:
    with_tool.run_sync("hi")  # here


def structured() -> None:
    typed.run_sync("hi")  # here


async def async_plain() -> None:
    await agent.run("hi")  # here


async def async_stream() -> None:
    async with agent.run_stream("hi") as result:  # here
        async for _ in result.stream_text():
            pass


async def async_gather() -> None:
    await asyncio.gather(agent.run("one"), with_tool.run("two"))  # here
