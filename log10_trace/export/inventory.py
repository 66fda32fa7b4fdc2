"""What is in the spool, looked at without touching it: for the commands that tell of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from log10_trace.export.destination import Destination
from log10_trace.export.segment import SUFFIX, load
from log10_trace.export.segment_format import Entry
from log10_trace.export.spool import Spool, bound_for, is_alive

NOWHERE: Final = Destination(url=None, organization_id=None, key=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The records of one source that wait."""

    source: str
    destination: Destination
    alive: bool
    """Whether a process writes or delivers them at this moment."""
    sequences: list[int]
    bytes: int


def waiting(spool: Spool) -> list[Waiting]:
    """What waits of every source, oldest first."""
    return [_of(folder) for folder in spool.sources()]


def _of(folder: Path) -> Waiting:
    alive = is_alive(folder)
    looked_at = [_sequences(folder.name, path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    return Waiting(
        source=folder.name,
        destination=bound_for(folder) or NOWHERE,
        alive=alive,
        sequences=[each for sequences, _ in looked_at for each in sequences],
        bytes=sum(size for _, size in looked_at),
    )


def _sequences(source: str, path: Path) -> tuple[list[int], int]:
    """The sequences that wait in a segment, and their bytes; nothing when it is delivered while we look."""
    try:
        segment = load(source, path)
    except FileNotFoundError:
        return [], 0
    if segment is None:
        return [], 0
    with closing(segment):
        found = [each for each in segment.waiting() if isinstance(each, Entry) and each.sequence]
        return [each.sequence for each in found], sum(each.end - each.start for each in found)


def ranges(sequences: list[int]) -> list[tuple[int, int]]:
    """The runs in a list of sequences: [1, 2, 3, 7] gives [(1, 3), (7, 7)]."""
    runs: list[tuple[int, int]] = []
    for each in sorted(set(sequences)):
        if runs and each == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], each)
        else:
            runs.append((each, each))
    return runs


def shown_ranges(runs: list[tuple[int, int]]) -> str:
    """Runs for people: ``1-3, 7``."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
