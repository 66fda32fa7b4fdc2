"""How long a call of the program waits for us while the delivery thread delivers flat out. Prints Markdown.

    python benchmarks/caller_latency.py [--records 20000] [--calls 1000]

Microseconds of the clock from the end of a wait of two milliseconds, as for an answer, to the end of the
call: what the interpreter's lock keeps the thread waiting, and what it takes to hand the record over. While
nothing is delivered, and while a backlog is; and of the wait alone, which is the machine's own share. The
three take turns, so that a neighbour on the machine disturbs all. Needs a quiet machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.delivery import call, sink  # noqa: E402
from log10_trace.config import resolve  # noqa: E402
from log10_trace.export import Delivery  # noqa: E402
from log10_trace.record.call import Call  # noqa: E402

ROUNDS: Final = 5
BETWEEN_S: Final = 0.002


def hand_over(count: int, keep: Callable[[Call], object]) -> list[float]:
    """Microseconds of each of so many calls that are handed to ``keep``."""
    took = []
    for _ in range(count):
        made = call()
        begun = time.perf_counter_ns()
        time.sleep(BETWEEN_S)
        keep(made)
        took.append((time.perf_counter_ns() - begun) / 1_000 - BETWEEN_S * 1_000_000)
    return took


def measure(url: str, records: int, calls: int) -> tuple[dict[str, list[float]], float]:
    """The calls of each row of the table, and the share of the backlog that was delivered meanwhile."""
    alone, idle, busy, delivered = list[float](), list[float](), list[float](), 0
    with tempfile.TemporaryDirectory() as spool:
        delivery = Delivery(resolve({"url": url, "spool_dir": spool, "flush_interval": 3600}))
        for _ in range(ROUNDS):
            for _ in range(records // ROUNDS):
                delivery.sink.on_end(call())
            assert delivery.flush(300.0), delivery.stats()
            alone += hand_over(calls // ROUNDS, id)
            idle += hand_over(calls // ROUNDS, delivery.sink.on_end)
            for _ in range(records // ROUNDS):
                delivery.sink.on_end(call())
            delivery.flush(0.0)  # begins, and is not waited for
            before = delivery.stats().delivered
            busy += hand_over(calls // ROUNDS, delivery.sink.on_end)
            delivered += delivery.stats().delivered - before
            assert delivery.flush(300.0), delivery.stats()
        delivery.close(10.0)
    rows = {"the wait alone": alone, "nothing is delivered": idle, "a backlog is delivered": busy}
    return rows, delivered / records


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--calls", type=int, default=1_000)
    asked = parser.parse_args()
    with sink() as url:
        rows, delivered = measure(url, asked.records, asked.calls)
    print("| | median, µs | p90, µs | p99, µs | p99 / median |\n|---|---|---|---|---|")
    for title, took in rows.items():
        shares = statistics.quantiles(took, n=100)
        middle, high, most = shares[49], shares[89], shares[98]
        print(f"| {title} | {middle:,.0f} | {high:,.0f} | {most:,.0f} | {most / middle:.1f} |")
    print(f"\n{delivered:.0%} of the backlog was delivered meanwhile")


if __name__ == "__main__":
    main()
