"""Instructor, which fills pydantic models."""

from __future__ import annotations

import asyncio
from typing import Any

import instructor
import openai
from pydantic import BaseModel


class City(BaseModel):
    """What is asked for."""

    name: str


client = instructor.from_openai(openai.OpenAI())
async_client = instructor.from_openai(openai.AsyncOpenAI())
ASK: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "response_model": City,
    "messages": [{"role": "user", "content": "hi"}],
}


def plain() -> None:
    client.chat.completions.create(**ASK)  # here


def partial() -> None:
    for _ in client.chat.completions.create_partial(**ASK):  # here
        pass


async def async_plain() -> None:
    await async_client.chat.completions.create(**ASK)  # here


async def async_gather() -> None:
    create = async_client.chat.completions.create
    await asyncio.gather(create(**ASK), create(**ASK))  # here
