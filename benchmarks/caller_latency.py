"""How long a call of the program waits for us while the delivery thread delivers flat out. Prints Markdown.

    python benchmarks/caller_latency.py [--records 20000] [--calls 1000]

Microseconds of the clock from the end of a wait of two milliseconds, as for an answer, to the end of the
call: what the interpreter's lock keeps the thread waiting, and what it takes to hand the record over. While
nothing is delivered, and while a backlog is; the two take turns, so that a neighbour on the machine disturbs
both. Needs a quiet machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.delivery import call, sink  # noqa: E402
from log10_trace.config import resolve  # noqa: E402
from log10_trace.export import Delivery  # noqa: E402

ROUNDS: Final = 5
BETWEEN_S: Final = 0.002


def hand_over(delivery: Delivery, count: int) -> list[float]:
    """Microseconds of each of so many calls."""
    took = []
    for _ in range(count):
        made = call()
        begun = time.perf_counter_ns()
        time.sleep(BETWEEN_S)
        delivery.sink.on_end(made)
        took.append((time.perf_counter_ns() - begun) / 1_000 - BETWEEN_S * 1_000_000)
    return took


def measure(url: str, records: int, calls: int) -> tuple[list[float], list[float], float]:
    """Calls while nothing is delivered, calls while so many records are, and the share of those that were."""
    idle, busy, delivered = [], [], 0
    with tempfile.TemporaryDirectory() as spool:
        delivery = Delivery(resolve({"url": url, "spool_dir": spool, "flush_interval": 3600}))
        for _ in range(ROUNDS):
            for _ in range(records // ROUNDS):
                delivery.sink.on_end(call())
            assert delivery.flush(300.0), delivery.stats()
            idle += hand_over(delivery, calls // ROUNDS)
            for _ in range(records // ROUNDS):
                delivery.sink.on_end(call())
            delivery.flush(0.0)  # begins, and is not waited for
            before = delivery.stats().delivered
            busy += hand_over(delivery, calls // ROUNDS)
            delivered += delivery.stats().delivered - before
            assert delivery.flush(300.0), delivery.stats()
        delivery.close(10.0)
    return idle, busy, delivered / records


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--calls", type=int, default=1_000)
    asked = parser.parse_args()
    with sink() as url:
        idle, busy, delivered = measure(url, asked.records, asked.calls)
    print("| | median, µs | p90, µs | p99, µs | p99 / median |\n|---|---|---|---|---|")
    for title, took in (("nothing is delivered", idle), ("a backlog is delivered", busy)):
        shares = statistics.quantiles(took, n=100)
        middle, high, most = shares[49], shares[89], shares[98]
        print(f"| {title} | {middle:,.0f} | {high:,.0f} | {most:,.0f} | {most / middle:.1f} |")
    print(f"\n{delivered:.0%} of the backlog was delivered meanwhile")


if __name__ == "__main__":
    main()
