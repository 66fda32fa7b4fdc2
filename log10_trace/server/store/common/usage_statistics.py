"""From roll-ups to statistics: summed by group and by step of time, priced, with percentiles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate, SerializedAggregate, parse_and_sum
from log10_trace.server.store.data_types import (
    GroupTotals,
    Interval,
    SessionSummary,
    Statistics,
    StatisticsQuery,
)

GROUPS: Final = 100
"""Most groups of an answer; the ones with most calls are given."""
SERIES_GROUPS: Final = 6
SERIES_STEPS: Final = 1_500
"""Most steps of time of a series; the latest are given."""
SERIES_LENGTH: Final = 3_000
"""Most steps of all groups' series together: of six groups 500 each, three weeks of hours."""
MINUTE_MS: Final = 60_000
WIDTH_OF: Final[dict[Interval, int]] = {"minute": 1, "hour": 60, "day": 1440}

Step: TypeAlias = tuple[str, int]
"""A key and the minute that a step of time begins in."""
RollupRow: TypeAlias = tuple[str, int, str, str]
"""A roll-up (or a delta that is not compacted yet): key, start, and the serialized aggregate."""


def sum_by_key(rows: Iterable[RollupRow]) -> dict[str, Aggregate]:
    """What each key adds up to."""
    found: dict[str, list[SerializedAggregate]] = {}
    for key, _, counts, durations in rows:
        found.setdefault(key, []).append(SerializedAggregate(counts, durations))
    return {key: parse_and_sum(written) for key, written in found.items()}


def sum_by_step(rows: Iterable[RollupRow], width: int) -> dict[Step, Aggregate]:
    """What each key adds up to in each step of ``width`` minutes."""
    found: dict[Step, list[SerializedAggregate]] = {}
    for key, start, counts, durations in rows:
        found.setdefault((key, start - start % width), []).append(SerializedAggregate(counts, durations))
    return {step: parse_and_sum(written) for step, written in found.items()}


def select_keys(query: StatisticsQuery) -> list[str] | None:
    """The keys of roll-ups that the query asks for; None: the busiest ones."""
    if query.group_by == "none":
        return [""]
    return None if query.key is None else [query.key]


def steps_of(width: int, keys: Sequence[str]) -> int:
    """How many minutes the latest steps of a series come to."""
    return width * min(SERIES_STEPS, SERIES_LENGTH // max(len(keys), 1))


def statistics(
    totals: Mapping[str, Aggregate], steps: Mapping[Step, Aggregate], query: StatisticsQuery, prices: Prices
) -> Statistics:
    """The answer: ``totals`` cover the whole span, ``steps`` are of the interval's width."""
    groups = [_totals(_name(key, query), None, one, prices) for key, one in totals.items()]
    series = [
        _totals(_name(key, query), start * MINUTE_MS, one, prices) for (key, start), one in steps.items()
    ]
    groups.sort(key=lambda group: (-group.calls, group.key or ""))
    series.sort(key=lambda step: (step.start_ms or 0, step.key or ""))
    # A delta may take the last call away.
    return Statistics(
        groups=tuple(one for one in groups if one.calls), series=tuple(one for one in series if one.calls)
    )


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
    total = counted.total()
    cost, unpriced = _cost(counted, prices)
    p50, p95, p99 = counted.percentiles(0.50, 0.95, 0.99)
    first_p50, first_p95 = counted.first_token_percentiles(0.50, 0.95)
    return GroupTotals(
        key=key,
        start_ms=start_ms,
        calls=total.calls,
        failed=total.failed,
        input_tokens=total.input_tokens,
        output_tokens=total.output_tokens,
        cost=cost,
        unpriced=unpriced,
        p50=p50,
        p95=p95,
        p99=p99,
        first_token_p50=first_p50,
        first_token_p95=first_p95,
    )


def _cost(counted: Aggregate, prices: Prices) -> tuple[float | None, int]:
    """US dollars, None when no call could be priced; and the calls with tokens that could not."""
    cost, unpriced = None, 0
    for rate, (_, _, metered, *tokens) in counted.counts.items():
        if not metered and not any(tokens):
            continue
        price = prices.cost(rate, *tokens)
        if price is None:
            unpriced += metered
        else:
            cost = (cost or 0.0) + price
    return cost, unpriced
