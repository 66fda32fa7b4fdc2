"""A chat service: the conversation's id is the session's id, and a streamed answer is recorded whole.

    OPENAI_API_KEY=... uvicorn --app-dir examples fastapi_service:app
    curl -N http://127.0.0.1:8000/chats/ada-1 -H 'Content-Type: application/json' -d '{"question": "Hello?"}'

`log10-trace sessions show ada-1` prints the conversation, however many requests and processes served it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from pydantic import BaseModel

import log10_trace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
client = AsyncOpenAI()
chats: dict[str, list[Any]] = {}


class Question(BaseModel):
    """The body of a request."""

    question: str


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
    """Record in each worker from its start on, and deliver what is left before it ends."""
    log10_trace.patch(tags=["chat-service"])
    yield
    log10_trace.shutdown()


app = FastAPI(lifespan=lifespan)


@app.post("/chats/{chat_id}")
async def ask(chat_id: str, body: Question) -> StreamingResponse:
    """Answer in pieces, as the model writes them."""
    messages = chats.setdefault(chat_id, [])
    messages.append({"role": "user", "content": body.question})

    @log10_trace.session(id=chat_id)  # the decorator, since a with block around a yield would leak
    async def answer() -> AsyncIterator[str]:
        words = ""
        async for chunk in await client.chat.completions.create(model=MODEL, messages=messages, stream=True):
            piece = chunk.choices[0].delta.content or "" if chunk.choices else ""
            words += piece
            yield piece
        messages.append({"role": "assistant", "content": words})

    return StreamingResponse(answer(), media_type="text/plain")
