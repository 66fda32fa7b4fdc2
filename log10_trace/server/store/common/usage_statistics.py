"""From roll-ups to statistics: summed by group and by step of time, priced, with percentiles. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.rollups import MINUTE_MS
from log10_trace.server.store.common.summed_rollups import (
    RollupRow,
    RollupRows,
    SummedRows,
    price_sum,
    rank_times,
    sum_rollups,
)
from log10_trace.server.store.data_types import (
    GroupTotals,
    Interval,
    SessionSummary,
    SortBy,
    Statistics,
    StatisticsQuery,
)

GROUPS: Final = 100
"""Most groups of an answer."""
SERIES_GROUPS: Final = 6
SERIES_STEPS: Final = 1_500
"""Most steps of time of a series; the latest are given."""
SERIES_LENGTH: Final = 3_000
"""Most steps of all groups' series together: of six groups 500 each, three weeks of hours."""
WIDTH_OF: Final[dict[Interval, int]] = {"minute": 1, "hour": 60, "day": 1440}

_COUNTED: Final = frozenset({"calls", "failed", "tokens", "cost"})
"""Orders that follow from counts."""

Step: TypeAlias = tuple[str, int]
"""A key and the minute that a step of time begins in."""


def sum_by_key(rows: RollupRows) -> dict[str, Aggregate]:
    """What each key adds up to. Only to be read."""
    return sum_rollups(_group_by_key(rows))


def sum_by_step(rows: Iterable[RollupRow], width: int, *, with_durations: bool) -> dict[Step, Aggregate]:
    """What each key adds up to in each step of ``width`` minutes. Only to be read."""
    steps: dict[Step, list[RollupRow]] = {}
    for row in rows:
        key, start, counts, _ = row
        summed = row if with_durations else (key, start, counts, "")
        step = key, start - start % width
        if step in steps:
            steps[step].append(summed)
        else:
            steps[step] = [summed]
    return sum_rollups({step: SummedRows(tuple(each)) for step, each in steps.items()})


def _group_by_key(rows: RollupRows) -> dict[str, SummedRows]:
    """What is to be summed of each key."""
    added, removed = _split_by_key(rows.added), _split_by_key(rows.removed)
    return {
        key: SummedRows(tuple(added.get(key, ())), tuple(removed.get(key, ()))) for key in added | removed
    }


def _split_by_key(rows: Iterable[RollupRow]) -> dict[str, list[RollupRow]]:
    groups: dict[str, list[RollupRow]] = {}
    for row in rows:
        if row[0] in groups:
            groups[row[0]].append(row)
        else:
            groups[row[0]] = [row]
    return groups


def read_with_before(
    queries: Sequence[StatisticsQuery],
    read: Callable[[Sequence[StatisticsQuery]], list[Statistics]],
) -> list[Statistics]:
    """The answers that ``read`` gives, with those of the same groups in what they are compared with."""
    found = read(queries)
    compared = {
        place: replace(
            query,
            wanted=query.before,
            since_ms=None,
            until_ms=None,
            before=None,
            keys=tuple([group.key for group in each.groups if group.key is not None]),
            series_groups=0,
        )
        for place, (query, each) in enumerate(zip(queries, found, strict=True))
        if query.before is not None and (each.groups or query.group_by == "none")
    }
    for place, each in zip(compared, read([*compared.values()]), strict=True):
        found[place] = replace(found[place], before=each.groups)
    return found


def count_steps(groups: int) -> int:
    """How many steps of time each of some groups may have in a series; the latest are given."""
    return min(SERIES_STEPS, SERIES_LENGTH // max(groups, 1))


def make_groups(totals: Mapping[str, Aggregate], query: StatisticsQuery, prices: Prices) -> list[GroupTotals]:
    """The figures of each group, in the order that is asked for, as many as are asked for."""
    groups = [_totals(_name(key, query), None, one, prices) for key, one in totals.items()]
    # A delta may take the last call away.
    counted = [group for group in groups if group.calls]
    counted.sort(key=lambda group: (-group.calls, group.key or ""))
    if query.sort == "key":
        counted.sort(key=lambda group: group.key or "")
    elif query.sort != "calls":
        counted.sort(key=lambda group: _read_figure(group, query.sort), reverse=True)
    return counted[: query.limit]


def sum_leading(rows: RollupRows, query: StatisticsQuery, prices: Prices) -> dict[str, Aggregate]:
    """What the keys add up to; only those that come first where counts say which: durations take longest.

    Only to be read.
    """
    of_keys = _group_by_key(rows)
    if query.sort in _COUNTED and query.limit < len(of_keys):
        totals = sum_rollups({key: each.without_durations() for key, each in of_keys.items()})
        groups = make_groups(totals, query, prices)
        of_keys = {key: of_keys[key] for group in groups if (key := group.key or "") in of_keys}
    return sum_rollups(of_keys)


def make_series(steps: Mapping[Step, Aggregate], query: StatisticsQuery, prices: Prices) -> list[GroupTotals]:
    """The figures of each step of time, in the order of time."""
    series = [
        _totals(_name(key, query), start * MINUTE_MS, one, prices) for (key, start), one in steps.items()
    ]
    series.sort(key=lambda step: (step.start_ms or 0, step.key or ""))
    return [step for step in series if step.calls]


def _read_figure(group: GroupTotals, sort: SortBy) -> float:
    """The figure that groups are sorted by; what is not known comes last."""
    figure = group.input_tokens + group.output_tokens if sort == "tokens" else getattr(group, sort)
    return -1.0 if figure is None else float(figure)


def session_summary(
    session_id: str, first_ms: int, last_ms: int, counted: Aggregate, prices: Prices
) -> SessionSummary:
    """A session and what is counted of it."""
    total = _totals(None, None, counted, prices)
    return SessionSummary(
        id=session_id,
        first_ms=first_ms,
        last_ms=last_ms,
        calls=total.calls,
        failed=total.failed,
        input_tokens=total.input_tokens,
        output_tokens=total.output_tokens,
        cost=total.cost,
    )


def _name(key: str, query: StatisticsQuery) -> str | None:
    return None if query.group_by == "none" else key


def _totals(key: str | None, start_ms: int | None, counted: Aggregate, prices: Prices) -> GroupTotals:
    # In the order of the fields: names take twice the time, and a page has a thousand groups and steps.
    return GroupTotals(key, start_ms, *price_sum(counted, prices), *rank_times(counted))
