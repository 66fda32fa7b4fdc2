"""magentic's prompts."""

# magentic reads annotations where they stand, and not as text.
# ruff: noqa: I002
import asyncio

from magentic import StreamedStr, prompt
from pydantic import BaseModel


class City(BaseModel):
    """What is asked for."""

    name: str


@prompt("Say hi")
def _greet() -> str: ...


@prompt("Say hi")
def _greet_in_pieces() -> StreamedStr: ...


@prompt("Name a city")
def _name_a_city() -> City: ...


@prompt("Say hi")
async def _greet_async() -> str: ...


def plain() -> None:
    _greet()  # here


def stream() -> None:
    for _ in _greet_in_pieces():  # here
        pass


def structured() -> None:
    _name_a_city()  # here


async def async_plain() -> None:
    await _greet_async()  # here


async def async_gather() -> None:
    await asyncio.gather(_greet_async(), _greet_async())  # here
