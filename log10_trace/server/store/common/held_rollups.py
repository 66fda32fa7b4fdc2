"""Holds the roll-ups that were read within a snapshot: each is read once, however many queries need it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from log10_trace.server.store.common.rollup_cover import RollupRange, list_starts
from log10_trace.server.store.common.summed_rollups import RollupRow
from log10_trace.server.store.data_types import GroupBy


class RollupRequest(NamedTuple):
    """Roll-ups of some groups of a dimension."""

    dimension: GroupBy
    pieces: Sequence[RollupRange]
    keys: Sequence[str]


class MissingRollups(NamedTuple):
    """Roll-ups of a dimension that are not held yet."""

    dimension: GroupBy
    steps: Sequence[tuple[int, int]]
    """Width and start of each."""
    keys: frozenset[str]


FetchRollups: TypeAlias = Callable[[Sequence[MissingRollups]], Iterable[tuple[GroupBy, int, RollupRow]]]
"""Reads roll-ups from the store: the dimension, the width and the row of each, in no order."""


class HeldRollups:
    """The roll-ups of a snapshot that were read."""

    def __init__(self, fetch: FetchRollups) -> None:
        self._fetch = fetch
        self._held: dict[tuple[GroupBy, int, int], tuple[frozenset[str], list[RollupRow]]] = {}

    def read(self, request: RollupRequest) -> list[RollupRow]:
        """The roll-ups of a request, in the order of its pieces and their steps."""
        self.prefetch([request])
        wanted = frozenset(request.keys)
        rows: list[RollupRow] = []
        for piece in request.pieces:
            for start in list_starts(piece):
                keys, held = self._held[request.dimension, piece.width, start]
                rows += held if keys == wanted else [row for row in held if row[0] in wanted]
        return rows

    def prefetch(self, requests: Sequence[RollupRequest]) -> None:
        """Read together what several requests ask for and is not held."""
        missing = self._list_missing(requests)
        if not missing:
            return
        for dimension, steps, keys in missing:
            for width, start in steps:
                self._held[dimension, width, start] = keys, []
        for dimension, width, row in self._fetch(missing):
            self._held[dimension, width, row[1]][1].append(row)

    def _list_missing(self, requests: Sequence[RollupRequest]) -> list[MissingRollups]:
        wanted: dict[tuple[GroupBy, int, int], frozenset[str]] = {}
        for dimension, pieces, keys in requests:
            asked = frozenset(keys)
            for piece in pieces:
                for start in list_starts(piece):
                    step = dimension, piece.width, start
                    held = wanted.get(step) or self._held.get(step, (frozenset[str](),))[0]
                    if step not in self._held or not asked <= held:
                        wanted[step] = asked | held if held else asked
        steps: dict[tuple[GroupBy, frozenset[str]], list[tuple[int, int]]] = {}
        for (dimension, width, start), together in wanted.items():
            steps.setdefault((dimension, together), []).append((width, start))
        return [MissingRollups(dimension, each, together) for (dimension, together), each in steps.items()]
