"""LangChain with langchain-openai."""

from __future__ import annotations

import asyncio

from langchain.agents import create_agent
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class City(BaseModel):
    """What is asked for."""

    name: str


model = ChatOpenAI(model="gpt-4o-mini")
chain = ChatPromptTemplate.from_messages([("user", "{text}")]) | model


@tool
def _weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


def plain() -> None:
    model.invoke("hi")  # here


def stream() -> None:
    for _ in model.stream("hi"):  # here
        pass


def chain_in_a_batch() -> None:
    chain.batch([{"text": "one"}, {"text": "two"}, {"text": "three"}])  # here


def structured() -> None:
    model.with_structured_output(City).invoke("hi")  # here


def agent_with_a_tool() -> None:
    agent = create_agent(model, tools=[_weather])
    agent.invoke({"messages": [("user", "hi")]})  # here


async def async_plain() -> None:
    await model.ainvoke("hi")  # here


async def async_stream() -> None:
    async for _ in model.astream("hi"):  # here
        pass


async def async_chain_in_a_batch() -> None:
    await chain.abatch([{"text": "one"}, {"text": "two"}])  # here


async def async_gather() -> None:
    await asyncio.gather(chain.ainvoke({"text": "one"}), chain.ainvoke({"text": "two"}))  # here


async def async_agent_with_a_tool() -> None:
    agent = create_agent(model, tools=[_weather])
    await agent.ainvoke({"messages": [("user", "hi")]})  # here
