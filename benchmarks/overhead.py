"""What a recorded call costs: added CPU time per call, against the bare SDK, interleaved in one run.

    python benchmarks/overhead.py [--rounds 30] [--calls 50]

Rounds of bare and of patched calls take turns, in alternating order and after the same warm-up, so that a
machine that slows down slows both. Two figures for each workload, in microseconds of CPU time per call:

* added on the caller's own thread: a round's figure is the median of its calls, each measured by itself;
* added in all threads together, with every record spooled, folded and delivered to an endpoint that stores
  nothing: a round's figure is the mean of its calls, because our thread works for many at once.

What is printed is the median of the differences between the two rounds of a pair.
"""

from __future__ import annotations

import argparse
import functools
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from endpoints import endpoints
from openai import OpenAI, __version__

import log10_trace

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


def measure(client: OpenAI, call: Callable[[OpenAI], Any], calls: int) -> tuple[float, float]:
    """Microseconds of CPU per call: on this thread, and in the whole process until all is delivered."""
    for _ in range(WARM_UP):
        call(client)
    log10_trace.flush(timeout=30)
    gc.collect()
    mine = []
    whole = time.process_time_ns()
    for _ in range(calls):
        begun = time.thread_time_ns()
        call(client)
        mine.append(time.thread_time_ns() - begun)
    log10_trace.flush(timeout=30)
    whole = time.process_time_ns() - whole
    return statistics.median(mine) / 1_000, whole / calls / 1_000


def measure_patched(
    client: OpenAI, call: Callable[[OpenAI], Any], calls: int, url: str
) -> tuple[float, float]:
    """As ``measure``, while every call is recorded."""
    log10_trace.patch(url=url, token="benchmark", flush_interval=0.5)
    try:
        return measure(client, call, calls)
    finally:
        log10_trace.unpatch()


def compare(url: str, workload: Workload, rounds: int, calls: int) -> list[str]:
    """One row of the table: bare, added on the caller's thread, added in all threads."""
    bare, added_mine, added_whole = [], [], []
    with OpenAI(base_url=url + "/v1", api_key="none") as client:
        measures = [
            functools.partial(measure, client, workload.call, calls),
            functools.partial(measure_patched, client, workload.call, calls, url),
        ]
        for each in measures:
            each()
        for round_ in range(rounds):
            # Who comes second finds the machine as the first has left it: they take turns at that as well.
            first_is_bare = round_ % 2 == 0
            results = [each() for each in (measures if first_is_bare else measures[::-1])]
            without, with_us = results if first_is_bare else results[::-1]
            bare.append(without[0])
            added_mine.append(with_us[0] - without[0])
            added_whole.append(with_us[1] - without[1])
    return [
        workload.name,
        f"{statistics.median(bare):,.0f}",
        f"{statistics.median(added_mine):,.0f}",
        f"<= {workload.caller_target}",
        f"{statistics.median(added_whole):,.0f}",
        f"<= {workload.total_target}",
    ]


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--calls", type=int, default=50)
    asked = parser.parse_args()

    with tempfile.TemporaryDirectory() as home, endpoints() as base_url:
        os.environ["LOG10_HOME"] = home
        print(
            f"openai {__version__}; µs of CPU per call, medians of {asked.rounds} rounds of {asked.calls}\n"
        )
        print("| | bare SDK | caller's thread | wanted | all threads | wanted |\n|---|---|---|---|---|---|")
        for workload in WORKLOADS:
            row = compare(base_url, workload, asked.rounds, asked.calls)
            print("| " + " | ".join(row) + " |", flush=True)
        kept = log10_trace.stats()
        log10_trace.shutdown()
    print(f"\n{kept}")


if __name__ == "__main__":
    main()
