"""From roll-ups to statistics: summed by group and by step of time, priced, with percentiles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import add
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
from log10_trace.server.store.tallies import Tally, read_sums

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
    """What a roll-up (or a delta that is not folded yet) holds of one model."""

    key: str
    model: str
    start: int
    """Minutes since 1970."""
    tally: Tally


def sums(rows: Iterable[tuple[str, int, str]]) -> Iterator[Sum]:
    """What stands in rows of key, start and sums."""
    for key, start, text in rows:
        for model, tally in read_sums(text):
            yield Sum(key, model, start, tally)


def stepped(every: Iterable[Sum], width: int) -> Iterator[Sum]:
    """The same, each in the step of ``width`` minutes that it began in."""
    return (one._replace(start=one.start - one.start % width) for one in every)


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
    session_id: str, first_ms: int, last_ms: int, members: Sequence[Sum], prices: Prices
) -> SessionSummary:
    """A session and what is counted of it."""
    total = _total(None, None, members, prices)
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


def _grouped(every: Iterable[Sum], group_by: GroupBy, prices: Prices, *, is_series: bool) -> list[Totals]:
    groups: dict[tuple[str | None, int | None], list[Sum]] = {}
    for one in every:
        start_ms = one.start * MINUTE_MS if is_series else None
        groups.setdefault((_key(one, group_by), start_ms), []).append(one)
    totals = [_total(key, start_ms, members, prices) for (key, start_ms), members in groups.items()]
    return [one for one in totals if one.calls]  # a delta may take the last call away


def _key(one: Sum, group_by: GroupBy) -> str | None:
    if group_by == "none":
        return None
    return one.model if group_by == "model" else one.key


def _total(key: str | None, start_ms: int | None, members: Sequence[Sum], prices: Prices) -> Totals:
    total = Tally()
    for one in members:
        total.add(one.tally)
    cost, unpriced = _cost(members, prices)
    p50, p95, p99 = total.percentiles(0.50, 0.95, 0.99)
    return Totals(
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
    )


def _cost(members: Sequence[Sum], prices: Prices) -> tuple[float | None, int]:
    """US dollars, None when no call could be priced; and the calls with tokens that could not."""
    tokens: dict[str, tuple[int, ...]] = {}
    for model, one in ((member.model, member.tally) for member in members):
        counts = one.metered, one.input_tokens, one.output_tokens, one.cached_tokens
        tokens[model] = tuple(map(add, tokens[model], counts)) if model in tokens else counts
    cost, unpriced = None, 0
    for model, (metered, *flow) in tokens.items():
        price = prices.cost(model, *flow) if metered else 0.0
        if price is None:
            unpriced += metered
        elif metered:
            cost = (cost or 0.0) + price
    return cost, unpriced
