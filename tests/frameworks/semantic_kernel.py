"""Semantic Kernel's services, functions and agents."""

from __future__ import annotations

import asyncio
from typing import Annotated

from semantic_kernel import Kernel
from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory
from semantic_kernel.functions import kernel_function

service = OpenAIChatCompletion(ai_model_id="gpt-4o-mini")
SETTINGS = OpenAIChatPromptExecutionSettings()


class Weather:
    """A plugin."""

    @kernel_function
    def weather(self, city: Annotated[str, "its name"]) -> str:
        """The weather of a city."""
        return f"rain in {city}"


def _history() -> ChatHistory:
    history = ChatHistory()
    history.add_user_message("hi")
    return history


async def async_plain() -> None:
    await service.get_chat_message_content(_history(), SETTINGS)  # here


async def async_stream() -> None:
    async for _ in service.get_streaming_chat_message_content(_history(), SETTINGS):  # here
        pass


async def async_prompt() -> None:
    kernel = Kernel(services=[service])
    await kernel.invoke_prompt("hi")  # here


async def async_agent_with_a_tool() -> None:
    agent = ChatCompletionAgent(service=service, name="agent", plugins=[Weather()])
    await agent.get_response("hi")  # here


async def async_gather() -> None:
    agent = ChatCompletionAgent(service=service, name="agent")
    await asyncio.gather(agent.get_response("one"), agent.get_response("two"))  # here
