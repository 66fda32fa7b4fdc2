"""The levels of the text index, on which its segments lie: read, and empty ones taken out.

Each time FTS5 merges all segments it puts them on a new level, and the merged one on the next. Newer versions
of SQLite stop at 64 levels, older ones (3.40) never: with each the inserts merge more, and an index of more
than 2,000 cannot be read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from log10_trace.server.store.sqlite.connection import SQL, connect

MAX_LEVELS: Final = 8
"""More than segments of ever larger sizes take, so that the largest is not among the small ones."""
_COOKIE_BYTES: Final = 4
_OTHER_FORMAT: Final = b"\xff\x00\x00\x01"
"""Behind the cookie, where a table knows deletions by row: not in ours."""
_NUMBERS_OF_SEGMENT: Final = 3
_MAX_VARINT_BYTES: Final = 9


class Level(NamedTuple):
    """Segments of about one size, or none."""

    merging: int
    """How many of them are being merged into a segment of the next level."""
    segments: int
    written: bytes


class Structure(NamedTuple):
    """What FTS5 knows of the segments of an index."""

    cookie: bytes
    totals: bytes
    levels: list[Level]
    """The newest first."""

    @property
    def is_merging(self) -> bool:
        """Whether a merge was begun and is not done."""
        return any(level.merging for level in self.levels)

    def write(self) -> bytes:
        """The record of it, as SQLite reads it."""
        levels = b"".join([level.written for level in self.levels])
        return b"".join([self.cookie, _write_number(len(self.levels)), self.totals, levels])


def read_structure(connection: sqlite3.Connection) -> Structure:
    """The structure of the text index.

    Raises:
        ValueError: it is written in another way.
    """
    return parse_structure(connection.execute(SQL["index_structure"]).fetchone()["block"])


def squeeze(path: Path) -> None:
    """Take empty levels out of the text index of the database, when it has many.

    By a connection of its own, since one that has used the index remembers the levels; other connections
    learn of it as of any other commit.
    """
    with closing(connect(path, can_write=True)) as connection:
        if len(read_structure(connection).levels) <= MAX_LEVELS:
            return
        connection.execute("BEGIN IMMEDIATE")
        old = read_structure(connection)
        new = old._replace(levels=drop_empty_levels(old.levels))
        connection.execute(SQL["put_index_structure"], (new.write(),))
        connection.execute("COMMIT")


def drop_empty_levels(levels: Sequence[Level]) -> list[Level]:
    """The levels without empty ones that are too many."""
    surplus = len(levels) - MAX_LEVELS
    kept: list[Level] = []
    for level in levels:
        takes_merged = bool(kept and kept[-1].merging)
        if surplus > 0 and not level.segments and not takes_merged:
            surplus -= 1
        else:
            kept.append(level)
    return kept


def parse_structure(record: bytes) -> Structure:
    """The structure that is written in a record of SQLite's.

    Raises:
        ValueError: it is written in another way.
    """
    cookie, at = record[:_COOKIE_BYTES], _COOKIE_BYTES
    if record.startswith(_OTHER_FORMAT, at):
        message = "The structure record of the text index has another format."
        raise ValueError(message)
    count, at = _read_number(record, at)
    behind_count = at
    for _ in range(2):  # all segments, and pages that were written
        _, at = _read_number(record, at)
    totals = record[behind_count:at]
    levels = []
    for _ in range(count):
        start = at
        merging, at = _read_number(record, at)
        segments, at = _read_number(record, at)
        for _ in range(segments * _NUMBERS_OF_SEGMENT):
            _, at = _read_number(record, at)
        levels.append(Level(merging, segments, record[start:at]))
    if at != len(record):
        message = "The structure record of the text index is longer than its levels."
        raise ValueError(message)
    return Structure(cookie, totals, levels)


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """A number in SQLite's variable length, and what is behind it."""
    number = 0
    for read in range(_MAX_VARINT_BYTES):
        if at >= len(data):
            message = "The structure record of the text index ends early."
            raise ValueError(message)
        byte, at = data[at], at + 1
        if read == _MAX_VARINT_BYTES - 1:
            return number << 8 | byte, at
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            break
    return number, at


def _write_number(number: int) -> bytes:
    """A number below 16,384, in SQLite's variable length."""
    return bytes([number]) if number < 1 << 7 else bytes([number >> 7 | 0x80, number & 0x7F])
