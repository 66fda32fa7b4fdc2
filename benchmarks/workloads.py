"""The calls whose cost is measured, and how one round of them is."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from openai import OpenAI

LARGE: Final[Any] = [
    {"role": "user" if n % 2 == 0 else "assistant", "content": f"message {n} " + "some words of it " * 58}
    for n in range(100)
]
SMALL: Final[Any] = [{"role": "user", "content": "Why is the sky blue? " * 10}]
WARM_UP: Final = 10
"""Calls before a round, which find the thread and the connections of a program that runs for long."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of call, and the figures to beat (microseconds on the caller's thread, in all threads)."""

    name: str
    call: Callable[[OpenAI], Any]
    caller_target: int
    total_target: int


def _plain(client: OpenAI) -> None:
    client.chat.completions.create(model="benchmark", messages=SMALL)


def _large(client: OpenAI) -> None:
    client.chat.completions.create(model="benchmark", messages=LARGE)


def _streamed(client: OpenAI) -> None:
    for _chunk in client.chat.completions.create(model="benchmark", messages=SMALL, stream=True):
        pass


WORKLOADS: Final = (
    Workload("small call", _plain, 30, 75),
    Workload("100 KB request", _large, 60, 250),
    Workload("stream of 100 chunks", _streamed, 60, 400),
)


def measure(
    client: OpenAI, call: Callable[[OpenAI], Any], calls: int, flush: Callable[[], object]
) -> tuple[float, float]:
    """Microseconds of CPU per call: on this thread, and in the whole process until all is delivered."""
    for _ in range(WARM_UP):
        call(client)
    flush()
    gc.collect()
    mine = []
    whole = time.process_time_ns()
    for _ in range(calls):
        begun = time.thread_time_ns()
        call(client)
        mine.append(time.thread_time_ns() - begun)
    flush()
    whole = time.process_time_ns() - whole
    return statistics.median(mine) / 1_000, whole / calls / 1_000
