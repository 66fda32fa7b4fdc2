"""What a benchmark needs of a library that records OpenAI calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openai import OpenAI


def sdk_client(model: str) -> OpenAI:
    """The SDK's own client, for libraries that patch its classes."""
    return OpenAI(base_url=model, api_key="none")


@dataclass(frozen=True, slots=True)
class Recorder:
    """A library that was set up: how to make a client whose calls it records, how to wait for delivery."""

    flush: Callable[[], object]
    client: Callable[[str], OpenAI] = sdk_client
