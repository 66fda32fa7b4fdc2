"""The SDKs beside OpenAI's as the tests use them: their clients, and a call of each kind."""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.instrument.programs import CHAT


@dataclass(frozen=True)
class OtherSdk:
    """One SDK and what its clients are made with."""

    name: str
    module: str
    client: str
    root: str
    """The part of the endpoint's URL that stands in the client's paths."""
    prefix: str
    """What stands before the endpoint in the URL of a call, below the client's base URL."""
    options: dict[str, Any] = field(default_factory=dict)

    def base_url(self, endpoint_url: str) -> str:
        """The base URL that a client is made with."""
        return endpoint_url.removesuffix(self.root)

    def make(self, endpoint_url: str, **more: Any) -> Any:
        """A client."""
        return getattr(self.load(), self.client)(**self._arguments(endpoint_url), **more)

    def make_async(self, endpoint_url: str, **more: Any) -> Any:
        """An async client."""
        return getattr(self.load(), f"Async{self.client}")(**self._arguments(endpoint_url), **more)

    def load(self) -> Any:
        """The module; the test is skipped where it is not installed."""
        return pytest.importorskip(self.module, reason=f"{self.name} is not installed")

    def _arguments(self, endpoint_url: str) -> dict[str, Any]:
        return {"base_url": self.base_url(endpoint_url), "api_key": "k", "max_retries": 0, **self.options}


GROQ = OtherSdk("groq", "groq", "Groq", root="/v1", prefix="/openai/v1")
TOGETHER = OtherSdk("together", "together", "Together", root="/v1", prefix="/v1")
CEREBRAS = OtherSdk(
    "cerebras",
    "cerebras.cloud.sdk",
    "Cerebras",
    root="/v1",
    prefix="/v1",
    options={"warm_tcp_connection": False},
)
OTHER_SDKS = (CEREBRAS, GROQ, TOGETHER)


async def cancel_once(begun: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Cancel the task when ``begun`` is set; if it ends before that, raise what it ended with."""
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def is_installed(sdk: OtherSdk) -> bool:
    """Whether the SDK can be imported."""
    return importlib.util.find_spec(sdk.module.partition(".")[0]) is not None


def ask(client: Any, **more: Any) -> Any:
    """A chat completion."""
    return client.chat.completions.create(**CHAT, **more)
