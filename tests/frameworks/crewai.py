"""CrewAI's models and crews."""

from __future__ import annotations

from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool

TEXT = "Thought: I now can give a great answer\nFinal Answer: Paris"
llm = LLM(model="openai/gpt-4o-mini")


@tool("weather")
def _weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


def _crew(tasks: int, **more: bool) -> Crew:
    agent = Agent(role="poet", goal="write", backstory="old", llm=llm)
    made = [
        Task(description=f"poem {number}", expected_output="a poem", agent=agent, **more)
        for number in range(tasks)
    ]
    return Crew(agents=[agent], tasks=made)


def plain() -> None:
    llm.call("hi")  # here


def crew() -> None:
    _crew(2).kickoff()  # here


def crew_with_a_task_in_a_thread() -> None:
    _crew(1, async_execution=True).kickoff()  # here


async def async_crew() -> None:
    await _crew(1).kickoff_async()  # here
