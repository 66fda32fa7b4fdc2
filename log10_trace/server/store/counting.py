"""From roll-ups to statistics: summed by group and by step of time, priced, with percentiles. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from log10_trace.server.store.answers import (
    GroupBy,
    Interval,
    SessionSummary,
    Statistics,
    StatisticsQuery,
    Totals,
)
from log10_trace.server.store.prices import Prices
from log10_trace.server.store.tallies import Tally

GROUPS: Final = 100
"""Most groups of an answer; the ones with most calls are given."""
SERIES_GROUPS: Final = 6
SERIES_STEPS: Final = 1_500
"""Most steps of time of a series; the latest are given."""
MINUTE_MS: Final = 60_000
WIDTH_OF: Final[dict[Interval, int]] = {"minute": 1, "hour": 60, "day": 1440}
DIMENSION_OF: Final[dict[GroupBy, str]] = {
    "none": "none",
    "model": "none",
    "tag": "tag",
    "call_site": "call_site",
    "session": "session",
}


class Sum(NamedTuple):
    """One roll-up as it is read back."""

    key: str
    model: str
    start: int
    """Minutes since 1970."""
    tally: Tally


def key_asked(query: StatisticsQuery) -> str | None:
    """The one key of roll-ups that the query asks for; None: the busiest ones."""
    return None if DIMENSION_OF[query.group_by] == "none" else query.key


def statistics(
    totals: Iterable[Sum], steps: Iterable[Sum], query: StatisticsQuery, prices: Prices
) -> Statistics:
    """The answer: ``totals`` cover the whole span, ``steps`` are of the interval's width."""
    group_by = query.group_by
    groups = _grouped(totals, group_by, prices, is_series=False)
    if group_by == "model" and query.key is not None:  # which is no key of roll-ups
        groups = [group for group in groups if group.key == query.key]
    groups.sort(key=lambda group: (-group.calls, group.key or ""))
    shown = {group.key for group in groups[:SERIES_GROUPS]}
    series = _grouped(
        (one for one in steps if _key(one, group_by) in shown), group_by, prices, is_series=True
    )
    series.sort(key=lambda step: (step.start_ms or 0, step.key or ""))
    return Statistics(groups=tuple(groups[:GROUPS]), series=tuple(series))


def session_summary(
    session_id: str, first_ms: int, last_ms: int, sums: Iterable[Sum], prices: Prices
) -> SessionSummary:
    """A session and the roll-ups of its models."""
    total = _total(None, None, list(sums), prices)
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


def _grouped(sums: Iterable[Sum], group_by: GroupBy, prices: Prices, *, is_series: bool) -> list[Totals]:
    groups: dict[tuple[str | None, int | None], list[Sum]] = {}
    for one in sums:
        start_ms = one.start * MINUTE_MS if is_series else None
        groups.setdefault((_key(one, group_by), start_ms), []).append(one)
    return [_total(key, start_ms, members, prices) for (key, start_ms), members in groups.items()]


def _key(one: Sum, group_by: GroupBy) -> str | None:
    if group_by == "none":
        return None
    return one.model if group_by == "model" else one.key


def _total(key: str | None, start_ms: int | None, sums: list[Sum], prices: Prices) -> Totals:
    total, cost, unpriced = Tally(), None, 0
    for one in sums:
        tally = one.tally
        total.add(tally)
        if not tally.metered:
            continue
        price = prices.cost(one.model, tally.input_tokens, tally.output_tokens, tally.cached_tokens)
        if price is None:
            unpriced += tally.metered
        else:
            cost = (cost or 0.0) + price
    return Totals(
        key=key,
        start_ms=start_ms,
        calls=total.calls,
        failed=total.failed,
        input_tokens=total.input_tokens,
        output_tokens=total.output_tokens,
        cost=cost,
        unpriced=unpriced,
        p50=total.percentile(0.50),
        p95=total.percentile(0.95),
        p99=total.percentile(0.99),
    )
