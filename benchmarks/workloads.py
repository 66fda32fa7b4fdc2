"""The calls whose cost is measured, and how one round of them is."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from openai import AsyncOpenAI, OpenAI

LARGE: Final[Any] = [
    {"role": "user" if n % 2 == 0 else "assistant", "content": f"message {n} " + "some words of it " * 58}
    for n in range(100)
]
MILLION: Final[Any] = [{**message, "content": message["content"] * 10} for message in LARGE]
"""A megabyte in as many messages: what the SDK does for each is so much that ours would be lost in it."""
SMALL: Final[Any] = [{"role": "user", "content": "Why is the sky blue? " * 10}]
AT_ONCE: Final = 50
"""Asynchronous calls that run at the same time."""
TIMEOUT_S: Final = 600
"""Under valgrind, fifty calls at once take longer to connect than the SDK waits."""
WARM_UP: Final = 10
"""Calls before a round, which find the thread and the connections of a program that runs for long."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of call, and the figures to beat (microseconds on the caller's thread, in all threads)."""

    name: str
    run: Callable[[OpenAI], Any]
    caller_target: int
    total_target: int
    calls: int = 1
    """The calls that one ``run`` makes."""
    counted: tuple[int, int] = (1, 4)
    """Numbers of runs whose instructions are counted; the difference is what three runs take."""


def _plain(client: OpenAI) -> None:
    client.chat.completions.create(model="benchmark", messages=SMALL)


def _large(client: OpenAI) -> None:
    client.chat.completions.create(model="benchmark", messages=LARGE)


def _million(client: OpenAI) -> None:
    client.chat.completions.create(model="benchmark", messages=MILLION)


def _streamed(client: OpenAI) -> None:
    for _chunk in client.chat.completions.create(model="benchmark", messages=SMALL, stream=True):
        pass


class _Concurrent:
    """Makes calls at once, on one event loop and with one client that live as long as the program."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: AsyncOpenAI | None = None

    def __call__(self, client: OpenAI) -> None:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        if self._client is None or self._client.base_url != client.base_url:
            self._client = AsyncOpenAI(base_url=client.base_url, api_key="none", timeout=TIMEOUT_S)
        self._loop.run_until_complete(self._gather(self._client))

    async def _gather(self, client: AsyncOpenAI) -> None:
        create = client.chat.completions.create
        await asyncio.gather(*(create(model="benchmark", messages=SMALL) for _ in range(AT_ONCE)))


WORKLOADS: Final = (
    Workload("small call", _plain, 30, 75, counted=(5, 25)),
    Workload("100 KB request", _large, 60, 250),
    Workload("stream of 100 chunks", _streamed, 60, 300, counted=(2, 8)),
    Workload("50 concurrent async calls, each", _Concurrent(), 35, 75, calls=AT_ONCE),
    Workload("1 MB of messages", _million, 300, 2_000),
)


def measure(
    client: OpenAI, workload: Workload, calls: int, flush: Callable[[], object]
) -> tuple[float, float]:
    """Microseconds of CPU per call: on this thread, and in the whole process until all is delivered."""
    runs = -(-calls // workload.calls)
    for _ in range(-(-WARM_UP // workload.calls)):
        workload.run(client)
    flush()
    gc.collect()
    mine = []
    whole = time.process_time_ns()
    for _ in range(runs):
        begun = time.thread_time_ns()
        workload.run(client)
        mine.append(time.thread_time_ns() - begun)
    flush()
    whole = time.process_time_ns() - whole
    per_call = 1_000 * workload.calls
    return statistics.median(mine) / per_call, whole / runs / per_call
