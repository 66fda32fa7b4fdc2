"""Tags follow the code: concurrent tasks never see each other's, and a decorator labels a whole function.

OPENAI_API_KEY=... python examples/async_tags.py
"""

from __future__ import annotations

import asyncio
import os

from openai import AsyncOpenAI

import log10_trace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")


@log10_trace.tags("summarize", "v2")
async def summarize(client: AsyncOpenAI, text: str) -> str:
    """Ask for a summary; the call carries the tags of this function and of its caller."""
    answer = await client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": f"Summarize in five words: {text}"}],
    )
    return answer.choices[0].message.content or ""


async def main() -> None:
    """Summarize three texts at once, each under a tag of its own, all in one session."""
    texts = {"weather": "It rained all day.", "sports": "They won again.", "news": "Nothing happened."}
    async with AsyncOpenAI() as client, log10_trace.session():

        async def labelled(topic: str, text: str) -> str:
            with log10_trace.tags(topic):
                return await summarize(client, text)

        for summary in await asyncio.gather(*(labelled(*item) for item in texts.items())):
            print(summary)


log10_trace.patch()
asyncio.run(main())
