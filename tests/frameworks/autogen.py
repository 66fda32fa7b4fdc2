"""AutoGen's agents and teams."""

from __future__ import annotations

import asyncio
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core.models import UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient

client = OpenAIChatCompletionClient(model="gpt-4o-mini")


async def _weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


def _agent(name: str, **more: Any) -> AssistantAgent:
    return AssistantAgent(name, model_client=client, **more)


async def async_plain() -> None:
    await client.create([UserMessage(content="hi", source="user")])  # here


async def async_agent() -> None:
    await _agent("one").run(task="hi")  # here


async def async_agent_with_a_tool() -> None:
    await _agent("two", tools=[_weather], reflect_on_tool_use=True).run(task="hi")  # here


async def async_stream() -> None:
    async for _ in _agent("three", model_client_stream=True).run_stream(task="hi"):  # here
        pass


async def async_team() -> None:
    team = RoundRobinGroupChat(
        [_agent("four"), _agent("five")], termination_condition=MaxMessageTermination(3)
    )
    await team.run(task="hi")  # here


async def async_gather() -> None:
    await asyncio.gather(_agent("six").run(task="hi"), _agent("seven").run(task="hi"))  # here
