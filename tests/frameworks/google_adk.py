"""google-adk with OpenAI's models, over LiteLLM."""

from __future__ import annotations

from google.adk.agents import LlmAgent
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner
from google.genai import types


def _weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


agent = LlmAgent(
    model=LiteLlm(model="openai/gpt-4o-mini"), name="agent", instruction="Be short.", tools=[_weather]
)
MESSAGE = types.Content(role="user", parts=[types.Part(text="hi")])


async def async_agent_with_a_tool() -> None:
    runner = InMemoryRunner(agent=agent, app_name="app")
    session = await runner.session_service.create_session(app_name="app", user_id="user")
    async for _ in runner.run_async(user_id="user", session_id=session.id, new_message=MESSAGE):  # here
        pass


async def async_in_a_thread() -> None:
    runner = InMemoryRunner(agent=agent, app_name="app")
    session = await runner.session_service.create_session(app_name="app", user_id="user")
    for _ in runner.run(user_id="user", session_id=session.id, new_message=MESSAGE):  # here
        pass
