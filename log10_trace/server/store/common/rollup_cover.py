"""Which roll-ups cover a span of time. Pure; in minutes, where the name does not say milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from log10_trace.server.store.common.rollups import ALL_TIME, LAST_MINUTE, MINUTE_MS, WIDTHS


class RollupRange(NamedTuple):
    """Roll-ups of one width, side by side."""

    width: int
    start: int
    end: int
    """Left out."""


class Cover(NamedTuple):
    """Roll-ups whose sum, less that of ``excess``, is the sum of a span."""

    parts: tuple[RollupRange, ...] = ()
    excess: tuple[RollupRange, ...] = ()

    @property
    def size(self) -> int:
        """How many roll-ups of a group it takes."""
        return sum(len(list_starts(piece)) for piece in (*self.parts, *self.excess))


def list_starts(piece: RollupRange) -> range:
    """Where the roll-ups of a piece begin."""
    return range(piece.start, piece.end, piece.width or 1)


def join_steps(steps: Iterable[tuple[int, int]]) -> list[RollupRange]:
    """Roll-ups (width, start) as pieces, those side by side together."""
    pieces: list[RollupRange] = []
    for width, start in sorted(steps):
        piece = RollupRange(width, start, start + (width or 1))
        if pieces and pieces[-1].width == width and pieces[-1].end == start:
            piece = RollupRange(width, pieces.pop().start, piece.end)
        pieces.append(piece)
    return pieces


def cover_range(since_ms: int | None, until_ms: int | None) -> list[RollupRange]:
    """Cut a span of time into whole roll-ups, as wide as can be.

    The span is widened to whole minutes. Open at an end means from the beginning of time, or to its end.
    """
    if since_ms is None and until_ms is None:
        return [RollupRange(ALL_TIME, 0, 1)]
    low = 0 if since_ms is None else since_ms // MINUTE_MS
    high = LAST_MINUTE if until_ms is None else -(-until_ms // MINUTE_MS)
    return list(_cut(low, high, len(WIDTHS) - 1)) if low < high else []


def cover_with_excess(low: int, high: int) -> Cover:
    """The fewest roll-ups for a span: the end of a day may be the day less the hours before it."""
    return _cover(low, high, len(WIDTHS) - 1)


def minutes_of(pieces: Iterable[RollupRange]) -> tuple[int, int]:
    """The first minute of pieces that lie side by side, and the minute behind the last."""
    every = [(0, LAST_MINUTE) if piece.width == ALL_TIME else (piece.start, piece.end) for piece in pieces]
    return min(start for start, _ in every), max(end for _, end in every)


def _cut(low: int, high: int, level: int) -> Iterator[RollupRange]:
    width = WIDTHS[level]
    first, last = -(-low // width) * width, high // width * width
    if first >= last:
        if level:
            yield from _cut(low, high, level - 1)
        elif low < high:
            yield RollupRange(width, low, high)
        return
    yield RollupRange(width, first, last)
    for start, end in ((low, first), (last, high)):
        if level and start < end:
            yield from _cut(start, end, level - 1)


def _cover(low: int, high: int, level: int) -> Cover:
    """The roll-ups of a span, none wider than those of ``level``."""
    width = WIDTHS[level]
    first, last = -(-low // width) * width, high // width * width
    if first > last:  # within one
        return _cover(low, high, level - 1)
    middle = Cover((RollupRange(width, first, last),) if first < last else ())
    return _join(_cover_end(low, first, level), middle, _cover_end(last, high, level))


def _cover_end(low: int, high: int, level: int) -> Cover:
    """The roll-ups of a part of one roll-up of ``level``, at one of its ends."""
    if low == high:
        return Cover()
    width = WIDTHS[level]
    start, end = low // width * width, -(-high // width) * width
    rest = (start, low) if high == end else (high, end)
    outside = _cover(*rest, level - 1)
    around = Cover((RollupRange(width, start, end), *outside.excess), outside.parts)
    return min(_cover(low, high, level - 1), around, key=lambda cover: cover.size)


def _join(*covers: Cover) -> Cover:
    return Cover(
        tuple(piece for cover in covers for piece in cover.parts),
        tuple(piece for cover in covers for piece in cover.excess),
    )
