"""smolagents' models and agents."""

from __future__ import annotations

from smolagents import CodeAgent, OpenAIServerModel, ToolCallingAgent, tool
from smolagents.models import ChatMessage, MessageRole

model = OpenAIServerModel("gpt-4o-mini")
TEXT = "Thought: done\n<code>\nfinal_answer('Paris')\n</code>"


@tool
def _weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: its name
    """
    return f"rain in {city}"


def plain() -> None:
    model.generate([ChatMessage(role=MessageRole.USER, content="hi")])  # here


def stream() -> None:
    for _ in model.generate_stream([ChatMessage(role=MessageRole.USER, content="hi")]):  # here
        pass


def code_agent() -> None:
    CodeAgent(tools=[], model=model, verbosity_level=0).run("hi")  # here


def tool_calling_agent() -> None:
    ToolCallingAgent(tools=[_weather], model=model, verbosity_level=0).run("hi")  # here
