"""What the calls of an aggregate cost. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate

_NANODOLLARS: Final = 1_000_000_000
_MOST: Final = (1 << 63) - 1


class PricedCounts(NamedTuple):
    """The calls and tokens of all rates together, and what they cost."""

    calls: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    """US dollars; None when no call could be priced."""
    unpriced: int
    """The calls with tokens that could not."""


def price_counts(counted: Aggregate, prices: Prices) -> PricedCounts:
    """The sums over the rates of an aggregate, with their cost."""
    calls = failed = input_tokens = output_tokens = unpriced = 0
    cost = None
    for rate, (called, wrong, metered, given, made, cached) in counted.counts.items():
        calls += called
        failed += wrong
        input_tokens += given
        output_tokens += made
        if not (metered or given or made or cached):
            continue
        price = prices.cost(rate, given, made, cached)
        if price is None:
            unpriced += metered
        else:
            cost = (cost or 0.0) + price
    return PricedCounts(calls, failed, input_tokens, output_tokens, cost, unpriced)


def rank_cost(counted: Aggregate, prices: Prices) -> int:
    """What the calls cost in whole billionths of a dollar; 0 where none could be priced."""
    return min(round((price_counts(counted, prices).cost or 0.0) * _NANODOLLARS), _MOST)
