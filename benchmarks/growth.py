"""How the cost of recording grows, with the exponent of each growth: 1 is linear, 0 is none.

    python benchmarks/growth.py                      all tables; some minutes
    python benchmarks/growth.py --backlog 1000000    with so many records in the spool at most: 2 GB
    python benchmarks/growth.py --axis backlog       one of the tables: prompt, stream, backlog, tasks

Microseconds of CPU for each record: on the caller's thread, the least of several rounds, and in all threads
together until a server that stores nothing has acknowledged it; of calls at the same time what they take more
than calls that are not recorded, as ``concurrency.py`` measures it. The exponent is the slope of the line
through the logarithms of the upper half of the sizes, where what a record costs whatever its size counts
little. The last table has the exponents of all.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import log10_trace  # noqa: E402
from benchmarks.concurrency import measure_tasks  # noqa: E402
from benchmarks.delivery import call, sink  # noqa: E402
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
AXES: Final = ("prompt", "stream", "backlog", "tasks")
NOWHERE: Final = "http://127.0.0.1:9"
"""Where no server listens."""


class Growth(NamedTuple):
    """The exponents of one axis."""

    title: str
    caller: float
    total: float | None = None
    """None where nothing is delivered."""


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


def print_growth(title: str, sizes: Sequence[int], measure: Callable[[int], Cost]) -> Growth:
    """Measure at each size, and print the table; gives its exponents."""
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
    return Growth(title, caller, exponent(grown, totals) if len(totals) == len(costs) else None)


def print_exponents(axes: Sequence[Growth]) -> None:
    """Print the exponents of all axes as one table."""
    print("\n| exponent | caller's thread | all threads |\n|---|---|---|")
    for axis in axes:
        total = "" if axis.total is None else f"{axis.total:.2f}"
        print(f"| {axis.title} | {axis.caller:.2f} | {total} |")


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


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backlog", type=int, default=100_000, help="most records in the spool")
    parser.add_argument("--axis", nargs="+", choices=AXES, default=AXES, help="the tables; all by default")
    asked = parser.parse_args()
    axes = []
    with sink() as url:
        if "prompt" in asked.axis:
            axes.append(
                print_growth("characters of the prompt", PROMPTS, lambda size: measure_prompt(url, size))
            )
        if "stream" in asked.axis:
            axes.append(print_growth("pieces of the stream", STREAMS, lambda size: measure_stream(url, size)))
        if "tasks" in asked.axis:
            axes.append(print_tasks(url))
    if "backlog" in asked.axis:
        backlogs = [0, *(10**power for power in range(3, 10) if 10**power <= asked.backlog)]
        axes.append(print_growth("records that wait in the spool", backlogs, measure_backlog))
    print_exponents(axes)


def print_tasks(url: str) -> Growth:
    """Print the table of calls at the same time."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["LOG10_HOME"] = home
        growth = print_growth("calls at the same time", TASKS, lambda tasks: Cost(*measure_tasks(url, tasks)))
        log10_trace.shutdown()
    return growth


if __name__ == "__main__":
    main()
