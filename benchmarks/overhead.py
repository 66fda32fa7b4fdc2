"""What a recorded call costs: added CPU time per call, against the bare SDK, interleaved in one run.

    python benchmarks/overhead.py [--rounds 30] [--calls 50]
    python benchmarks/overhead.py --instructions    machine instructions instead: instructions.py says how
    python benchmarks/overhead.py --peers           the peers that are installed: overhead_peers.py says how

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
import os
import statistics
import sys
import tempfile
from pathlib import Path

from openai import OpenAI, __version__

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import log10_trace  # noqa: E402
from benchmarks.endpoints import endpoints  # noqa: E402
from benchmarks.instructions import print_instructions  # noqa: E402
from benchmarks.overhead_peers import print_overheads  # noqa: E402
from benchmarks.peers import asked as asked_peers  # noqa: E402
from benchmarks.workloads import WORKLOADS, Workload, measure  # noqa: E402


def measure_bare(client: OpenAI, workload: Workload, calls: int) -> tuple[float, float]:
    """As ``measure``, while nothing is recorded."""
    return measure(client, workload, calls, functools.partial(log10_trace.flush, timeout=30))


def measure_patched(client: OpenAI, workload: Workload, calls: int, url: str) -> tuple[float, float]:
    """As ``measure``, while every call is recorded."""
    log10_trace.patch(url=url, token="benchmark", flush_interval=0.5)
    try:
        return measure_bare(client, workload, calls)
    finally:
        log10_trace.unpatch()


def compare(url: str, workload: Workload, rounds: int, calls: int) -> list[str]:
    """One row of the table: bare, added on the caller's thread, added in all threads."""
    bare, added_mine, added_whole = [], [], []
    with OpenAI(base_url=url + "/v1", api_key="none") as client:
        measures = [
            functools.partial(measure_bare, client, workload, calls),
            functools.partial(measure_patched, client, workload, calls, url),
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
    parser.add_argument("--peers", nargs="*", metavar="PEER", help="instead, the installed peers, or these")
    parser.add_argument("--instructions", action="store_true", help="count machine instructions by valgrind")
    asked = parser.parse_args()
    if asked.instructions:
        print_instructions()
        return
    if asked.peers is not None:
        print_overheads(asked_peers(asked.peers), asked.rounds, asked.calls)
        return

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
