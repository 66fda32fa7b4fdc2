"""Sums of roll-ups, of which the latest are remembered. Pure, but for what it remembers.

A page that is looked at again needs the sums of roll-ups that hardly change: those of days that are over. A
sum is remembered with the very rows that it is of, so that it is right whatever has been written since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, TypeVar

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import (
    DURATION_SHARES,
    FIRST_TOKEN_SHARES,
    Aggregate,
    parse_and_group,
    parse_and_group_counts,
)
from log10_trace.server.store.common.costs import PricedCounts, price_counts
from log10_trace.server.store.common.recent_values import RecentValues

RollupRow: TypeAlias = tuple[str, int, str, str]
"""A roll-up (or a delta that is not compacted yet): key, start, and the serialized aggregate."""
Percentiles: TypeAlias = tuple[float | None, ...]
"""Those of ``DURATION_SHARES`` and of ``FIRST_TOKEN_SHARES``."""
Place = TypeVar("Place")

_DAY: Final = 1440
_REMEMBERED: Final = 2_000_000
"""Characters of the rows whose sums are remembered: those of two large pages. Some 10 MB, or 20."""
_ROW: Final = 100
"""Characters that a row takes as much memory as, besides its texts."""
_NO_TIMES: Final = (None,) * (len(DURATION_SHARES) + len(FIRST_TOKEN_SHARES))


class RollupRows(NamedTuple):
    """Roll-ups that add up to a span: all that is ``added``, less what is ``removed``."""

    added: Sequence[RollupRow] = ()
    removed: Sequence[RollupRow] = ()


class SummedRows(NamedTuple):
    """What a sum is of."""

    added: tuple[RollupRow, ...]
    removed: tuple[RollupRow, ...] = ()
    with_durations: bool = True


@dataclass(slots=True)
class RememberedSum(Aggregate):
    """A sum that is remembered, with the figures that were made of it. Only to be read."""

    priced: tuple[Prices, PricedCounts] | None = None
    times: Percentiles | None = None


def sum_rollups(wanted: Mapping[Place, SummedRows]) -> dict[Place, Aggregate]:
    """What the rows of each place add up to. Only to be read."""
    sums = _SUMS.look_up(wanted.values(), _compute)
    return {place: sums[rows] for place, rows in wanted.items()}


def price_sum(counted: Aggregate, prices: Prices) -> PricedCounts:
    """The counts of a sum with their cost."""
    if not isinstance(counted, RememberedSum):
        return price_counts(counted, prices)
    if counted.priced is None or counted.priced[0] is not prices:
        counted.priced = prices, price_counts(counted, prices)
    return counted.priced[1]


def rank_times(counted: Aggregate) -> Percentiles:
    """The percentiles of a sum; None each where it has no times."""
    if not isinstance(counted, RememberedSum):
        return _rank_times(counted)
    if counted.times is None:
        counted.times = _rank_times(counted)
    return counted.times


def _rank_times(counted: Aggregate) -> Percentiles:
    if not counted.has_times:
        return _NO_TIMES
    durations = counted.percentiles(*DURATION_SHARES)
    return (*durations, *counted.first_token_percentiles(*FIRST_TOKEN_SHARES))


def _compute(wanted: Sequence[SummedRows]) -> dict[SummedRows, RememberedSum]:
    """The sums; those of the rows before the latest day and of what is removed are remembered as well."""
    heads = [_cut_head(rows) for rows in wanted]
    parts = [
        *(head for head in heads if head is not None),
        *(rows._replace(added=rows.removed, removed=()) for rows in wanted if rows.removed),
    ]
    known = _SUMS.look_up(parts, _parse) if parts else {}
    rest = [
        rows if head is None else rows._replace(added=rows.added[len(head.added) :])
        for rows, head in zip(wanted, heads, strict=True)
    ]
    parsed = _parse([rows._replace(removed=()) for rows in rest])
    sums = {}
    for rows, head, others in zip(wanted, heads, rest, strict=True):
        total = RememberedSum()
        if head is not None:
            total.add(known[head])
        total.add(parsed[others._replace(removed=())])
        if rows.removed:
            total.subtract(known[rows._replace(added=rows.removed, removed=())])
        sums[rows] = total
    return sums


def _cut_head(rows: SummedRows) -> SummedRows | None:
    """The first rows, which are before the latest day that any row begins on; None where they are few."""
    latest = max((row[1] for row in rows.added), default=0) // _DAY * _DAY
    count = next((place for place, row in enumerate(rows.added) if row[1] >= latest), 0)
    return SummedRows(rows.added[:count], (), rows.with_durations) if count > 1 else None


def _parse(wanted: Sequence[SummedRows]) -> dict[SummedRows, RememberedSum]:
    """The sums of what is added."""
    places = list(enumerate(wanted))
    timed = [(place, row[2], row[3]) for place, rows in places if rows.with_durations for row in rows.added]
    counted = [(place, row[2]) for place, rows in places if not rows.with_durations for row in rows.added]
    sums = {**parse_and_group(timed), **parse_and_group_counts(counted)}
    nothing = Aggregate()
    found = ((rows, sums.get(place, nothing)) for place, rows in places)
    return {rows: RememberedSum(one.counts, one.durations) for rows, one in found}


def _measure(rows: SummedRows) -> int:
    return sum([_ROW + len(row[2]) + len(row[3]) for row in (*rows.added, *rows.removed)])


_SUMS: Final = RecentValues[SummedRows, RememberedSum](_REMEMBERED, _measure)
