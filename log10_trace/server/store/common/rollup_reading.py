"""Reads roll-ups: which of them cover a span, and which groups are the largest. No SQL here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from heapq import nsmallest
from typing import Final, NamedTuple, TypeAlias

from log10_trace.domain.prices import Prices
from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.common.aggregates import Aggregate, parse_and_group_counts, sum_aggregates
from log10_trace.server.store.common.costs import rank_cost
from log10_trace.server.store.common.held_rollups import HeldRollups, RollupRequest
from log10_trace.server.store.common.rollup_cover import (
    RollupRange,
    cover_range,
    cover_with_excess,
    list_starts,
    minutes_of,
)
from log10_trace.server.store.common.rollups import ALL_TIME, DAY, LAST_MINUTE, MINUTE_MS, RANKED_WIDTHS
from log10_trace.server.store.common.summed_rollups import RollupRow, RollupRows
from log10_trace.server.store.common.usage_statistics import GROUPS, sum_by_key
from log10_trace.server.store.data_types import GroupBy, SortBy

LARGEST_OF_DAY: Final = 200
"""Groups of a day that are looked at to find the largest of a span."""
_DAYS_ENOUGH: Final = 7
"""Whole days of a span that say which groups are the largest; the rest of it is left out then."""

_SPARE: Final = 8
"""Groups that are read beyond twice as many as are asked for."""

KeyCalls: TypeAlias = tuple[str, int]
KeyCost: TypeAlias = tuple[str, int]
"""The cost in billionths of a dollar."""
Bounds: TypeAlias = tuple[int, int]
"""The first and the last minute of something."""


class RollupBounds:
    """Where in time there is anything of an organization: read once for all readers of a snapshot."""

    def __init__(
        self, read_all: Callable[[], Bounds | None], read_deltas: Callable[[], Bounds | None]
    ) -> None:
        self._read_all = read_all
        self._read_deltas = read_deltas

    @cached_property
    def all(self) -> Bounds | None:
        """Where there is a call; None: nowhere."""
        return self._read_all()

    @cached_property
    def deltas(self) -> Bounds | None:
        """Where there are deltas that are not folded; None: nowhere."""
        return self._read_deltas()

    def has_deltas(self, start: int, end: int) -> bool:
        """Whether there may be deltas in the minutes from ``start`` on, before ``end``."""
        return self.deltas is not None and self.deltas[0] < end and self.deltas[1] >= start


class RollupReader(ABC):
    """The roll-ups of one dimension, with the deltas that are not folded yet; within one snapshot."""

    def __init__(self, bounds: RollupBounds, held: HeldRollups, dimension: GroupBy) -> None:
        self._bounds = bounds
        self._held = held
        self._dimension = dimension

    @abstractmethod
    def _read_bounds(self) -> Bounds | None:
        """The first and the last minute of which there is anything of the dimension."""

    @abstractmethod
    def _read_largest(self, width: int, starts: Sequence[int], limit: int) -> Iterable[KeyCalls]:
        """The ``limit`` largest groups of each roll-up; ``width`` is a day or all time."""

    @abstractmethod
    def _read_costliest(self, width: int, starts: Sequence[int], limit: int) -> Iterable[KeyCost]:
        """The ``limit`` groups of each roll-up that cost most; ``width`` is a day or all time."""

    @abstractmethod
    def _has_all_costs(self) -> bool:
        """Whether it is known of all days and all groups what they cost."""

    @abstractmethod
    def _read_calls(self, piece: RollupRange) -> Iterable[KeyCalls]:
        """The calls of all groups in a piece of time."""

    @abstractmethod
    def _read_delta_calls(self, start: int, end: int) -> Iterable[KeyCalls]:
        """The calls of the deltas in these minutes, by group."""

    @abstractmethod
    def _read_every_rollup(self, pieces: Sequence[RollupRange]) -> Iterable[RollupRow]:
        """The roll-ups of all groups in pieces of time, in no order."""

    @abstractmethod
    def _read_deltas(self, start: int, end: int, keys: Sequence[str] | None) -> Iterable[RollupRow]:
        """The deltas of some groups (None: of all) in these minutes."""

    def fit_key(self, key: str) -> str:
        """The key under which the store keeps a group."""
        return key

    def clip(self, since_ms: int | None, until_ms: int | None) -> list[RollupRange]:
        """The pieces of a span, no further than the days on which there is anything."""
        if since_ms is None and until_ms is None:
            return cover_range(None, None)
        bounds = self._bounds.all
        if bounds is None:
            return []
        # Whole days at the ends, where nothing lies beyond: they are few pieces.
        first_ms, end_ms = bounds[0] * MINUTE_MS, (bounds[1] + 1) * MINUTE_MS
        if since_ms is None or since_ms <= first_ms:
            since_ms = first_ms // DAY_MS * DAY_MS
        if until_ms is None or until_ms >= end_ms:
            until_ms = -(-end_ms // DAY_MS) * DAY_MS
        return cover_range(since_ms, until_ms)

    def find_leading(
        self, pieces: Sequence[RollupRange], sort: SortBy, limit: int, prices: Prices
    ) -> list[str]:
        """Groups to read for the first ``limit`` in an order: somewhat more, since days tell it roughly.

        Where no index has the order, those with most calls and those that cost most, ``GROUPS`` in all.
        """
        most = min(2 * limit + _SPARE, GROUPS)
        if sort in {"calls", "key"}:
            return self._find_largest(pieces)[: most if sort == "calls" else GROUPS]
        whole, parts = _split_days(pieces)
        if sort != "cost" or not whole or not self._has_all_costs():
            costliest = self._find_costliest(pieces, whole or parts, prices, GROUPS // 2)
            return _join(costliest, self._find_largest(pieces))[:GROUPS]
        found = self._find_costliest(pieces, whole, prices, most)
        if len(found) < most:
            found = _join(found, self._find_largest(pieces))[:most]
        # What a part of a day cost is not known, only what the day did: these are read as well.
        return _join(found, self._find_costliest(pieces, parts, prices, limit + _SPARE) if parts else ())

    def _find_costliest(
        self, pieces: Sequence[RollupRange], days: Sequence[RollupRange], prices: Prices, most: int
    ) -> list[str]:
        """The ``most`` costliest groups of days, or all time, and of what is not folded; in that order."""
        if not pieces:
            return []
        costs: dict[str, int] = {}
        for day in days:
            _add(costs, self._read_costliest(day.width, list_starts(day), LARGEST_OF_DAY))
        if self._bounds.has_deltas(*minutes_of(pieces)):
            deltas = self._read_deltas(*minutes_of(pieces), None)
            unfolded = parse_and_group_counts((key, counts) for key, _, counts, _ in deltas)
            _add(costs, ((key, rank_cost(one, prices)) for key, one in unfolded.items()))
        costliest = nsmallest(most, [(-cost, key) for key, cost in costs.items() if cost > 0])
        return [key for _, key in costliest]

    def _find_largest(self, pieces: Sequence[RollupRange]) -> list[str]:
        """The groups with most calls, the largest first; of those that are among the largest of a day."""
        if not pieces:
            return []
        calls: dict[str, int] = {}
        days = 0
        for piece in sorted(pieces, key=lambda piece: -piece.width if piece.width else -LAST_MINUTE):
            if len(calls) >= GROUPS and days >= _DAYS_ENOUGH:
                break
            if piece.width in RANKED_WIDTHS:
                starts = list_starts(piece)
                days += len(starts)
                found = self._read_largest(piece.width, starts, LARGEST_OF_DAY)
            else:
                found = self._read_calls(piece)
            _add(calls, found)
        if self._bounds.has_deltas(*minutes_of(pieces)):
            _add(calls, self._read_delta_calls(*minutes_of(pieces)))
        largest = nsmallest(GROUPS, [(-count, key) for key, count in calls.items() if count > 0])
        return [key for _, key in largest]

    def read(self, pieces: Sequence[RollupRange], keys: Sequence[str] | None) -> RollupRows:
        """What adds up to the span of pieces that lie side by side, of some groups (None: of all)."""
        if not pieces or pieces[0].width == ALL_TIME:
            return RollupRows(self.read_pieces(pieces, keys))
        parts, excess = cover_with_excess(*minutes_of(pieces))
        added = [*self._read_rollups(parts, keys), *self._read_unfolded(pieces, keys)]
        return RollupRows(added, self._read_rollups(excess, keys))

    def list_requests(
        self, pieces: Sequence[RollupRange], keys: Sequence[str] | None, *, are_steps: bool
    ) -> list[RollupRequest]:
        """What ``read`` asks for, or ``read_pieces`` where these are the steps of a series."""
        if keys is None or not pieces:
            return []
        if not are_steps and pieces[0].width != ALL_TIME:
            parts, excess = cover_with_excess(*minutes_of(pieces))
            pieces = [*parts, *excess]
        return [RollupRequest(self._dimension, pieces, keys)]

    def read_pieces(self, pieces: Sequence[RollupRange], keys: Sequence[str] | None) -> list[RollupRow]:
        """Everything in these very pieces, which lie side by side, of some groups (None: of all)."""
        return [*self._read_rollups(pieces, keys), *self._read_unfolded(pieces, keys)] if pieces else []

    def _read_rollups(self, pieces: Sequence[RollupRange], keys: Sequence[str] | None) -> Sequence[RollupRow]:
        """The roll-ups of some groups (None: of all) in pieces of time."""
        if keys is None:
            return list(self._read_every_rollup(pieces))
        return self._held.read(RollupRequest(self._dimension, pieces, keys))

    def _read_unfolded(
        self, pieces: Sequence[RollupRange], keys: Sequence[str] | None
    ) -> Iterable[RollupRow]:
        start, end = minutes_of(pieces)
        return self._read_deltas(start, end, keys) if self._bounds.has_deltas(start, end) else ()

    def sum_group(self, key: str | None, since_ms: int | None, until_ms: int | None) -> Aggregate:
        """The sum of one group (None: of all) over a span of time."""
        keys = None if key is None else [self.fit_key(key)]
        return sum_aggregates([*sum_by_key(self.read(self.clip(since_ms, until_ms), keys)).values()])

    def read_steps(
        self, width: int, since_ms: int | None, until_ms: int | None, keys: Sequence[str] | None, most: int
    ) -> list[RollupRow]:
        """The latest steps of ``width`` minutes, ``most`` of them, of some groups in a span."""
        return self.read_pieces(self.list_steps(width, since_ms, until_ms, most), keys)

    def list_steps(
        self, width: int, since_ms: int | None, until_ms: int | None, most: int
    ) -> list[RollupRange]:
        """The latest steps of a span that have a call, side by side."""
        steps = _list_steps(self._bounds.all, width, since_ms, until_ms)
        if len(steps) > most:  # the latest of those with a call of the dimension
            steps = _list_steps(self._read_bounds(), width, since_ms, until_ms)[-most:]
        return [RollupRange(width, steps.start, steps.stop)] if steps else []


class RollupSource(NamedTuple):
    """The roll-ups of an organization, within a snapshot."""

    open: Callable[[GroupBy], RollupReader]
    """Opens those of a dimension."""
    held: HeldRollups


def _list_steps(bounds: Bounds | None, width: int, since_ms: int | None, until_ms: int | None) -> range:
    """Where the steps of ``width`` minutes begin that a span has a part of, within bounds."""
    if bounds is None:
        return range(0)
    first, end = bounds[0], bounds[1] + 1
    if since_ms is not None:
        first = max(first, since_ms // MINUTE_MS)
    if until_ms is not None:
        end = min(end, -(-until_ms // MINUTE_MS))
    return range(first // width * width, -(-end // width) * width, width)


def is_selection(sort: SortBy, found: int) -> bool:
    """Whether there may be groups beside the ``found`` leading ones that would come first in an order."""
    return sort not in {"calls", "cost"} and found >= GROUPS


def _split_days(pieces: Sequence[RollupRange]) -> tuple[list[RollupRange], list[RollupRange]]:
    """The whole days of a span, or all time, and where they are few the days of which it has a part."""
    whole = [piece for piece in pieces if piece.width in RANKED_WIDTHS]
    days = {start for piece in whole for start in list_starts(piece)}
    if ALL_TIME in {piece.width for piece in whole} or len(days) >= _DAYS_ENOUGH or not pieces:
        return whole, []
    first, end = minutes_of(pieces)
    touched = range(first - first % DAY, end, DAY)
    return whole, [RollupRange(DAY, start, start + DAY) for start in touched if start not in days]


def _join(first: Sequence[str], then: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((*first, *then)))


def _add(calls: dict[str, int], found: Iterable[KeyCalls]) -> None:
    for key, count in found:
        if key in calls:  # most keys come once: a month has some thousand sessions
            calls[key] += count
        else:
            calls[key] = count
