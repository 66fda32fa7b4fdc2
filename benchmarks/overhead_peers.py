"""What recording costs, library by library: the same calls in a process with it and in one without, in turns.

Both processes call one model; what is recorded goes to an API that takes it over the library's own protocol.
Added CPU time per call: on the caller's thread, and in all threads until everything is delivered. Two
processes of one program differ by some two percent, so the pair is started anew a few times, and medians are
printed.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from benchmarks.endpoints import endpoints
from benchmarks.peers import BARE, OURSELVES, Peer
from benchmarks.peers.fake_api import FakeApi
from benchmarks.peers.process import PeerProcess, SilenceError
from benchmarks.workloads import WORKLOADS

PROCESSES: Final = 3
ROUND_S: Final = 120
EXIT_S: Final = 30

COMPARED: Final = WORKLOADS[:3]
"""What peers are measured with: calls and streams of the synchronous client."""

Cost = tuple[float, float]
"""Microseconds of CPU a call: on the caller's thread, in all threads."""


def print_overheads(peers: Sequence[Peer], rounds: int, calls: int) -> None:
    """Print the table, ourselves first."""
    print(f"Added µs of CPU per call, caller's thread / all threads: medians of {PROCESSES} processes,")
    print(f"{max(1, rounds // PROCESSES)} rounds of {calls} calls in each\n")
    print(f"| | {' | '.join(workload.name for workload in COMPARED)} |\n|---|{'---|' * len(COMPARED)}")
    for peer in (OURSELVES, *peers):
        print(f"| {peer.title} {peer.version} | {_cells(peer, rounds, calls)} |", flush=True)


def _cells(peer: Peer, rounds: int, calls: int) -> str:
    try:
        pairs = [_added(peer, max(1, rounds // PROCESSES), calls) for _ in range(PROCESSES)]
    except SilenceError as silence:
        return f"not measured: {silence} | |"
    return " | ".join(
        " / ".join(f"{statistics.median(figures):,.0f}" for figures in zip(*costs, strict=True))
        for costs in zip(*pairs, strict=True)
    )


def _added(peer: Peer, rounds: int, calls: int) -> list[Cost]:
    """One pair of processes: what the library adds, workload by workload."""
    with ExitStack() as stack:
        model = stack.enter_context(endpoints())
        api = FakeApi()
        stack.callback(api.close)
        homes = [stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)) for _ in "ab"]
        pair = [
            PeerProcess(each, "rounds", api.url, home, f"{model}/v1")
            for each, home in zip((BARE, peer), homes, strict=True)
        ]
        for process in pair:
            process.go()
        added = [_median(_differences(pair, f"{number} {calls}", rounds)) for number in range(len(COMPARED))]
        for process in pair:
            process.end(EXIT_S)
        return added


def _differences(pair: list[PeerProcess], words: str, rounds: int) -> Iterator[Cost]:
    """Of every round but the first: with the library less without; who comes first takes turns."""
    bare, recorded = pair
    for number in range(rounds + 1):
        costs = {each: _round(each, words) for each in (pair if number % 2 else pair[::-1])}
        if number:
            yield costs[recorded][0] - costs[bare][0], costs[recorded][1] - costs[bare][1]


def _round(process: PeerProcess, words: str) -> Cost:
    mine, whole = map(float, process.ask("TOOK", ROUND_S, words).split())
    return mine, whole


def _median(costs: Iterator[Cost]) -> Cost:
    mine, whole = map(statistics.median, zip(*costs, strict=True))
    return mine, whole
