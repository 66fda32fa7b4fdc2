"""The calls of the demo, written as a user would write them."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any

import openai

import log10_trace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
TEXT_MODEL = os.environ.get("OPENAI_MODEL", "gpt-3.5-turbo-instruct")
QUESTION: Any = [{"role": "user", "content": "Why is the sky blue? One sentence."}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def complete_chat(client: openai.OpenAI) -> None:
    """A chat completion."""
    client.chat.completions.create(model=MODEL, messages=QUESTION)


def stream_chat(client: openai.OpenAI) -> None:
    """The same as a stream, read to its end."""
    for _chunk in client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True):
        pass


def complete_chat_async(_client: openai.OpenAI) -> None:
    """The same with the asynchronous client."""

    async def ask() -> None:
        async with openai.AsyncOpenAI(api_key=_key()) as client:
            await client.chat.completions.create(model=MODEL, messages=QUESTION)

    asyncio.run(ask())


@log10_trace.tags("weather")
def offer_a_tool(client: openai.OpenAI) -> None:
    """A question that the model may answer with a tool call."""
    question: Any = [{"role": "user", "content": "What is the weather in Oslo?"}]
    client.chat.completions.create(model=MODEL, messages=question, tools=[WEATHER])


def complete_text(client: openai.OpenAI) -> None:
    """A text completion, the API before chat."""
    client.completions.create(model=TEXT_MODEL, prompt="Once upon a time", max_tokens=20)


def fail(client: openai.OpenAI) -> None:
    """A call that the provider refuses."""
    client.chat.completions.create(model="no-such-model", messages=QUESTION)


CALLS = {
    "plain": complete_chat,
    "streamed": stream_chat,
    "async": complete_chat_async,
    "tools": offer_a_tool,
    "text completion": complete_text,
    "failing": fail,
}


def make() -> dict[str, str]:
    """Make every call in one session; the id of each one's record, by its name."""
    made: dict[str, str] = {}
    client = openai.OpenAI(api_key=_key())
    with client, log10_trace.session(tags=["six-calls"]) as session:
        for name, call in CALLS.items():
            with suppress(openai.OpenAIError):  # the records say what was refused, and why
                call(client)
            made[name] = session.last_completion_id or ""
    return made


def _key() -> str:
    """The user's key; an endpoint of one's own often asks for none."""
    return os.environ.get("OPENAI_API_KEY") or "none"
