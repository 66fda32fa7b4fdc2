"""How the cost of recording grows, with the exponent of each growth: 1 is linear, 0 is none.

    python benchmarks/growth.py                      all tables; some minutes
    python benchmarks/growth.py --backlog 1000000    with so many records in the spool at most: 2 GB
    python benchmarks/growth.py --axis backlog       one of the tables: prompt, stream, backlog, tasks

Microseconds of CPU for each record: on the caller's thread, the least of several rounds, and in all threads
together until a server that stores nothing has acknowledged it; of calls at the same time the median of what
rounds that record take more than rounds beside them that do not, which come first and second in turns. The
exponent is the slope of the line through the logarithms of the upper half of the sizes, where what a record
costs whatever its size counts little.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import gc
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from openai import AsyncOpenAI  # noqa: E402

import log10_trace  # noqa: E402
from benchmarks.delivery import call, sink  # noqa: E402
from benchmarks.endpoints import AT_ONCE, endpoints  # noqa: E402
from benchmarks.workloads import SMALL  # noqa: E402
from log10_trace.config import resolve  # noqa: E402
from log10_trace.domain.ids import new_id  # noqa: E402
from log10_trace.export import Delivery  # noqa: E402
from log10_trace.record.call import Call  # noqa: E402

PROMPTS: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
STREAMS: Final = (10, 100, 1_000, 10_000)
TASKS: Final = (1, 10, 100, 1_000)
MOST_BYTES: Final = 20_000_000
"""Of prompts that one round records."""
MOST_RECORDS: Final = 200
ROUNDS: Final = 5
TASK_ROUNDS: Final = 10
AXES: Final = ("prompt", "stream", "backlog", "tasks")
NOWHERE: Final = "http://127.0.0.1:9"
"""Where no server listens."""


class Cost(NamedTuple):
    """Microseconds of CPU a record."""

    caller: float
    total: float | None = None
    """None where nothing is delivered."""


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of the line through the logarithms of the upper half of the sizes, by least squares."""
    half = min(len(sizes) // 2, len(sizes) - 2)
    xs, ys = ([math.log(max(each, 1e-9)) for each in values[half:]] for values in (sizes, costs))
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    square = sum((x - x_mean) ** 2 for x in xs)
    return sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / square


def print_growth(title: str, sizes: Sequence[int], measure: Callable[[int], Cost]) -> None:
    """Measure at each size, and print the table."""
    print(f"\n| {title} | caller's thread, µs | all threads, µs |\n|---|---|---|", flush=True)
    costs = []
    for size in sizes:
        cost = measure(size)
        costs.append(cost)
        total = "" if cost.total is None else f"{cost.total:,.0f}"
        print(f"| {size:,} | {cost.caller:,.0f} | {total} |", flush=True)
    grown = [max(size, 1) for size in sizes]
    caller = exponent(grown, [cost.caller for cost in costs])
    totals = [cost.total for cost in costs if cost.total is not None]
    total = f"{exponent(grown, totals):.2f}" if len(totals) == len(costs) else ""
    print(f"| exponent | {caller:.2f} | {total} |", flush=True)


@contextmanager
def _delivery(url: str, **settings: object) -> Iterator[Delivery]:
    """A delivery with a spool of its own, which sends when it is told to."""
    with tempfile.TemporaryDirectory() as spool:
        given = {"url": url, "spool_dir": spool, "flush_interval": 3600, **settings}
        delivery = Delivery(resolve(given))
        try:
            yield delivery
        finally:
            delivery.close(0.1 if url == NOWHERE else 60.0)


def _hand_over(delivery: Delivery, calls: Sequence[Call]) -> float:
    """Nanoseconds of CPU a record on this thread."""
    begun = time.thread_time_ns()
    for each in calls:
        delivery.sink.on_end(each)
    return (time.thread_time_ns() - begun) / len(calls)


def _measure_calls(url: str, make: Callable[[], Call], records: int) -> Cost:
    mine, whole = [], []
    with _delivery(url) as delivery:
        for _ in range(ROUNDS + 1):
            calls = [make() for _ in range(records)]
            begun = time.process_time_ns()
            mine.append(_hand_over(delivery, calls))
            assert delivery.flush(300.0), delivery.stats()
            whole.append((time.process_time_ns() - begun) / records)
    # The first round connects.
    return Cost(min(mine[1:]) / 1_000, min(whole[1:]) / 1_000)


def measure_prompt(url: str, size: int) -> Cost:
    """Cost of a record whose prompt has so many characters."""
    text = "x" * size
    return _measure_calls(url, lambda: call(text), max(2, min(MOST_RECORDS, MOST_BYTES // size)))


def stream(pieces: int) -> Call:
    """A call whose answer came in so many reads, one event in each."""
    made = call("x")
    choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    event = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    made.chunks = [event] * pieces + [b"data: [DONE]\n\n"]
    made.streamed, made.content_type = True, "text/event-stream"
    return made


def measure_stream(url: str, pieces: int) -> Cost:
    """Cost of a record of a stream of so many pieces, once it was read."""
    return _measure_calls(url, lambda: stream(pieces), max(2, min(MOST_RECORDS, 50_000 // pieces)))


def _repeat(first: Call) -> Call:
    """Another call with the same bodies, which take longer to make than to record."""
    made = copy.copy(first)
    made.id, made.chunks = new_id(), list(first.chunks)
    return made


def measure_backlog(records: int) -> Cost:
    """What the caller's thread does for a record while so many wait in the spool."""
    with _delivery(NOWHERE, spool_max_bytes=1 << 40) as delivery:
        first = call("x")
        for _ in range(records):
            delivery.sink.on_end(_repeat(first))
        rounds = [[call("x") for _ in range(MOST_RECORDS)] for _ in range(ROUNDS)]
        return Cost(min(_hand_over(delivery, calls) for calls in rounds) / 1_000)


async def _gather(client: AsyncOpenAI, tasks: int) -> Cost:
    create = client.chat.completions.create
    gc.collect()
    # Else a collection of what other rounds left would come in one round and not in another.
    gc.freeze()
    begun, begun_all = time.thread_time_ns(), time.process_time_ns()
    rounds = max(1, MOST_RECORDS // tasks)
    for _ in range(rounds):
        await asyncio.gather(*(create(model="benchmark", messages=SMALL) for _ in range(tasks)))
    mine = time.thread_time_ns() - begun
    await asyncio.to_thread(log10_trace.flush, 60.0)
    whole = time.process_time_ns() - begun_all
    return Cost(mine / (rounds * tasks) / 1_000, whole / (rounds * tasks) / 1_000)


async def _gather_recorded(client: AsyncOpenAI, tasks: int, url: str) -> Cost:
    log10_trace.patch(url=url, token="benchmark", flush_interval=0.5)
    try:
        return await _gather(client, tasks)
    finally:
        log10_trace.unpatch()


async def _measure_tasks(url: str, tasks: int) -> Cost:
    callers, totals = [], []
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=300) as client:
        await _gather(client, tasks)
        await _gather_recorded(client, tasks, url)
        # In turns, also at who comes first: a machine that slows down slows both.
        for round_ in range(TASK_ROUNDS):
            if round_ % 2:
                recorded, bare = await _gather_recorded(client, tasks, url), await _gather(client, tasks)
            else:
                bare, recorded = await _gather(client, tasks), await _gather_recorded(client, tasks, url)
            assert bare.total is not None
            assert recorded.total is not None
            callers.append(recorded.caller - bare.caller)
            totals.append(recorded.total - bare.total)
    return Cost(statistics.median(callers), statistics.median(totals))


def measure_tasks(url: str, tasks: int) -> Cost:
    """What recording adds to a call of the SDK while so many run at once."""
    return asyncio.run(_measure_tasks(url, tasks))


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backlog", type=int, default=100_000, help="most records in the spool")
    parser.add_argument("--axis", nargs="+", choices=AXES, default=AXES, help="the tables; all by default")
    asked = parser.parse_args()
    with sink() as url:
        if "prompt" in asked.axis:
            print_growth("characters of the prompt", PROMPTS, lambda size: measure_prompt(url, size))
        if "stream" in asked.axis:
            print_growth("pieces of the stream", STREAMS, lambda size: measure_stream(url, size))
    if "backlog" in asked.axis:
        backlogs = [0, *(10**power for power in range(3, 10) if 10**power <= asked.backlog)]
        print_growth("records that wait in the spool", backlogs, measure_backlog)
    if "tasks" in asked.axis:
        print_tasks()


def print_tasks() -> None:
    """Print the table of calls at the same time."""
    with tempfile.TemporaryDirectory() as home, endpoints(AT_ONCE) as url:
        os.environ["LOG10_HOME"] = home
        print_growth("calls at the same time", TASKS, lambda tasks: measure_tasks(url, tasks))
        log10_trace.shutdown()


if __name__ == "__main__":
    main()
