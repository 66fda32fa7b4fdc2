"""What the journal gains by writing to the files of delivered segments again.

Two journals, with and without the reuse of files, take turns: each appends a round of records on this
thread, as a call that ends does, and then has them acknowledged, as delivery does. Printed are medians of
CPU time per record and the median of the paired differences.

    python benchmarks/segment_recycling.py [--rounds N] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from log10_trace import threads
from log10_trace.export.spool.destination import Destination
from log10_trace.export.spool.journal import Journal, SizeLimits
from log10_trace.export.spool.segment import Segment
from log10_trace.export.spool.segment_format import RECORD
from log10_trace.export.spool.spool import Spool, new_source

WORKLOADS: Final = ((1_000, 500), (100_000, 40))
"""Bytes of a record, and records in a round."""


class _DeletingJournal(Journal):
    """Deletes the file of a delivered segment instead of writing to it again."""

    def _discard(self, segment: Segment) -> None:
        segment.remove()


def _open_journal(kind: type[Journal], folder: Path) -> Journal:
    source = new_source()
    lock = Spool(folder).create(source, Destination(url=None, organization_id=None, key=None))
    limits = SizeLimits(disk=2**30, memory=2**25)
    return kind(source, lock, limits, threads.new_reentrant_lock(), lambda _loss: None)


def _run_round(journal: Journal, payload: bytes, records: int) -> tuple[float, float]:
    """CPU time per record in µs: of appending, and of reading and acknowledging."""
    begun = time.thread_time_ns()
    for sequence in range(1, records + 1):
        journal.append(RECORD, sequence, [payload])
    appended = time.thread_time_ns()
    while items := journal.read(100, 2**20):
        journal.on_delivered(items)
        journal.release()
    acknowledged = time.thread_time_ns()
    return (appended - begun) / records / 1000, (acknowledged - appended) / records / 1000


def _compare(folder: Path, size: int, records: int, rounds: int) -> None:
    payload = os.urandom(size)
    with_reuse, without = _open_journal(Journal, folder / "a"), _open_journal(_DeletingJournal, folder / "b")
    results: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for number in range(rounds):
        if number % 2:
            first = _run_round(with_reuse, payload, records)
            results.append((first, _run_round(without, payload, records)))
        else:
            second = _run_round(without, payload, records)
            results.append((_run_round(with_reuse, payload, records), second))
    with_reuse.end()
    without.end()
    for name, index in (("caller's thread", 0), ("delivery thread", 1)):
        reused = statistics.median(pair[0][index] for pair in results)
        deleted = statistics.median(pair[1][index] for pair in results)
        saved = statistics.median(pair[1][index] - pair[0][index] for pair in results)
        print(f"{size:>7,} bytes, {name}: {reused:6.2f} µs, without {deleted:6.2f} µs, saved {saved:+.2f} µs")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--folder", help="a folder on the disk to measure (default: that of temporary files)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for size, records in WORKLOADS:
            _compare(Path(folder) / str(size), size, records, arguments.rounds)


if __name__ == "__main__":
    main()
