"""Read-only inspection of the spool, for the command line: what waits, and what is wrong with its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from log10_trace.domain.ranges import format_ranges
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.destination import Destination
from log10_trace.export.spool.orphaned_backlog import is_of_later_version
from log10_trace.export.spool.regular_file import describe_error
from log10_trace.export.spool.segment import Segment, UnusableSegmentError, open_segment
from log10_trace.export.spool.segment_format import CorruptRange, Entry
from log10_trace.export.spool.spool import (
    ABOUT,
    LOCK,
    Spool,
    foreign_names,
    has_lock,
    is_alive,
    read_about,
    segment_paths,
)

_FLUSH: Final = "Type: log10-trace spool flush"
_ADDRESS: Final = "Type: log10-trace spool flush --unknown-destination"
_UPGRADE: Final = "Upgrade log10-trace; it is kept until then."
_MOVE: Final = "Move it to another place; it is left alone."


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one file or folder of the spool, and what to do about it."""

    path: Path
    what: str
    """The end of a sentence that begins with the path."""
    remedy: str


@dataclass(slots=True, kw_only=True)
class PendingSource:
    """The records of one source that wait."""

    source: str
    destination: Destination | None
    """None where the folder does not tell it."""
    alive: bool
    """Whether a process writes or delivers them at this moment."""
    sequences: list[int] = field(default_factory=list)
    newer: int = 0
    """How many of them only a later version of log10_trace can deliver."""
    bytes: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def deliverable(self) -> int:
        """How many records this version can deliver."""
        return len(self.sequences) - self.newer


def list_pending(spool: Spool) -> list[PendingSource]:
    """What waits of every source, oldest first."""
    return [_inspect_source(folder) for folder in spool.sources()]


def find_problems(spool: Spool, sources: list[PendingSource]) -> list[Problem]:
    """Everything that is wrong with the files of the spool, given what waits in it."""
    problems = [Problem(path=path, what=what, remedy=_MOVE) for path, what in spool.foreign_sources()]
    problems += [problem for source in sources for problem in source.problems]
    dead_letters = DeadLetters(spool.root).find_unreadable()
    return problems + [Problem(path=path, what=what, remedy=_MOVE) for path, what in dead_letters]


def _inspect_source(folder: Path) -> PendingSource:
    source = PendingSource(source=folder.name, destination=None, alive=is_alive(folder))
    try:
        paths = segment_paths(folder)
    except OSError as error:
        source.problems.append(Problem(path=folder, what=describe_error(error), remedy=_MOVE))
        return source
    try:
        source.destination = read_about(folder)
    except FileNotFoundError:
        source.problems.append(Problem(path=folder / ABOUT, what="is missing", remedy=_ADDRESS))
    except (OSError, ValueError) as error:
        what = describe_error(error) if isinstance(error, OSError) else "is damaged"
        source.problems.append(Problem(path=folder / ABOUT, what=what, remedy=_ADDRESS))
    if not has_lock(folder):
        source.problems.append(Problem(path=folder / LOCK, what="is missing or not a file", remedy=_FLUSH))
    for path in paths:
        source.problems += _inspect_segment(source, path)
    for name in foreign_names(folder):
        source.problems.append(Problem(path=folder / name, what="is not a file of the spool", remedy=_MOVE))
    return source


def _inspect_segment(source: PendingSource, path: Path) -> Iterator[Problem]:
    """Count what waits in a segment; nothing when it is delivered and deleted meanwhile."""
    try:
        segment = open_segment(source.source, path)
        with closing(segment):
            yield from _inspect_entries(source, segment, path)
    except FileNotFoundError:
        return
    except UnusableSegmentError as error:
        yield Problem(path=path, what=str(error), remedy=_UPGRADE if error.is_newer else _MOVE)
    except OSError as error:
        yield Problem(path=path, what=describe_error(error), remedy=_MOVE)


def _inspect_entries(source: PendingSource, segment: Segment, path: Path) -> Iterator[Problem]:
    newer = 0
    for entry in segment.pending_entries():
        if isinstance(entry, Entry):
            newer += is_of_later_version(entry)
            if entry.sequence:
                source.sequences.append(entry.sequence)
                source.newer += is_of_later_version(entry)
                source.bytes += entry.end - entry.start
        elif not (source.alive and entry.torn):  # its process may be writing it at this moment
            yield Problem(path=path, what=_describe_damage(entry), remedy=_FLUSH)
    if newer:
        yield Problem(path=path, what=f"holds {newer} entries of a later version", remedy=_UPGRADE)
    # A living process may be making the file at this moment.
    if segment.problem and not source.alive:
        yield Problem(path=path, what=segment.problem, remedy=_FLUSH)


def _describe_damage(damage: CorruptRange) -> str:
    lost = f", records {format_ranges([(damage.first, damage.last)])}" if damage.first else ""
    return f"has {damage.end - damage.start} damaged bytes at {damage.start}{lost}"
