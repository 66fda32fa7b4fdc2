"""Sums of roll-ups, of which the latest are remembered. Pure, but for what it remembers.

A page that is looked at again needs the sums of roll-ups that hardly change: those of days that are over. A
sum is remembered with the very rows that it is of, so that it is right whatever has been written since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, TypeVar

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import (
    DURATION_SHARES,
    FIRST_TOKEN_SHARES,
    Aggregate,
    parse_and_group_counts,
    parse_and_group_durations,
)
from log10_trace.server.store.common.costs import PricedCounts, price_counts
from log10_trace.server.store.common.recent_values import RecentValues

RollupRow: TypeAlias = tuple[str, int, str, str]
"""A roll-up (or a delta that is not compacted yet): key, start, and the serialized aggregate.

Its durations are empty where the counts alone are wanted.
"""
Percentiles: TypeAlias = tuple[float | None, ...]
"""Those of ``DURATION_SHARES`` and of ``FIRST_TOKEN_SHARES``."""
Place = TypeVar("Place")

_DAY: Final = 1440
_REMEMBERED: Final = 4_000_000
"""Characters of the rows whose sums are remembered: those of two large pages.

Some 20 MB, and 65 where most are of one row.
"""
_ROW: Final = 100
"""Characters that a row takes as much memory as, besides its texts."""
_FEW: Final = 2
"""Rows that are summed at once."""
_NO_TIMES: Final = (None,) * (len(DURATION_SHARES) + len(FIRST_TOKEN_SHARES))


class RollupRows(NamedTuple):
    """Roll-ups that add up to a span: all that is ``added``, less what is ``removed``."""

    added: Sequence[RollupRow] = ()
    removed: Sequence[RollupRow] = ()


class SummedRows(NamedTuple):
    """What a sum is of."""

    added: tuple[RollupRow, ...]
    removed: tuple[RollupRow, ...] = ()

    def without_durations(self) -> SummedRows:
        """The same, of which the counts alone are summed."""
        return SummedRows(_strip_durations(self.added), _strip_durations(self.removed))


@dataclass(slots=True)
class RememberedSum(Aggregate):
    """A sum that is remembered, with the figures that were made of it. Only to be read."""

    priced: tuple[Prices, PricedCounts] | None = None
    times: Percentiles | None = None


def sum_rollups(wanted: Mapping[Place, SummedRows]) -> dict[Place, Aggregate]:
    """What the rows of each place add up to. Only to be read."""
    return dict(zip(wanted, _SUMS.look_up([*wanted.values()], _compute), strict=True))


def price_sum(counted: Aggregate, prices: Prices) -> PricedCounts:
    """The counts of a sum with their cost."""
    if not isinstance(counted, RememberedSum):
        return price_counts(counted, prices)
    priced = counted.priced  # once: another thread may price it by another table meanwhile
    if priced is None or priced[0] is not prices:
        priced = counted.priced = prices, price_counts(counted, prices)
    return priced[1]


def rank_times(counted: Aggregate) -> Percentiles:
    """The percentiles of a sum; None each where it has no times."""
    if not isinstance(counted, RememberedSum):
        return _rank_times(counted)
    times = counted.times
    if times is None:
        times = counted.times = _rank_times(counted)
    return times


def _rank_times(counted: Aggregate) -> Percentiles:
    if not counted.has_times:
        return _NO_TIMES
    durations = counted.percentiles(*DURATION_SHARES)
    return (*durations, *counted.first_token_percentiles(*FIRST_TOKEN_SHARES))


def _compute(wanted: Sequence[SummedRows]) -> dict[SummedRows, RememberedSum]:
    """The sums; those of the rows before the latest day and of what is removed are remembered as well."""
    # Most steps of a series are a row or two, of which nothing is to be remembered apart.
    parted = [rows for rows in wanted if rows.removed or len(rows.added) > _FEW]
    sums = _parse([rows for rows in wanted if not rows.removed and len(rows.added) <= _FEW])
    heads = [_cut_head(rows) for rows in parted]
    parts = [
        *(head for head in heads if head is not None),
        *(SummedRows(rows.removed) for rows in parted if rows.removed),
    ]
    known = dict(zip(parts, _SUMS.look_up(parts, _parse), strict=True))
    rest = [
        SummedRows(rows.added if head is None else rows.added[len(head.added) :])
        for rows, head in zip(parted, heads, strict=True)
    ]
    parsed = _parse(rest)
    for rows, head, others in zip(parted, heads, rest, strict=True):
        total = RememberedSum()
        if head is not None:
            total.add(known[head])
        total.add(parsed[others])
        if rows.removed:
            total.subtract(known[SummedRows(rows.removed)])
        sums[rows] = total
    return sums


def _cut_head(rows: SummedRows) -> SummedRows | None:
    """The first rows, which are before the latest day that any row begins on; None where they are few."""
    latest = max((row[1] for row in rows.added), default=0) // _DAY * _DAY
    count = next((place for place, row in enumerate(rows.added) if row[1] >= latest), 0)
    return SummedRows(rows.added[:count]) if count > 1 else None


def _parse(wanted: Sequence[SummedRows]) -> dict[SummedRows, RememberedSum]:
    """The sums of what is added."""
    counted = [(place, row[2]) for place, rows in enumerate(wanted) for row in rows.added]
    timed = [(place, row[3]) for place, rows in enumerate(wanted) for row in rows.added if row[3]]
    sums, times = parse_and_group_counts(counted), parse_and_group_durations(timed)
    nothing = Aggregate()
    return {
        rows: RememberedSum(sums.get(place, nothing).counts, times.get(place, {}))
        for place, rows in enumerate(wanted)
    }


def _strip_durations(rows: Iterable[RollupRow]) -> tuple[RollupRow, ...]:
    return tuple([(key, start, counts, "") for key, start, counts, _ in rows])


def _measure(rows: SummedRows) -> int:
    every = (*rows.added, *rows.removed)
    return sum([_ROW + len(key) + len(counts) + len(durations) for key, _, counts, durations in every])


_SUMS: Final = RecentValues[SummedRows, RememberedSum](_REMEMBERED, _measure)
