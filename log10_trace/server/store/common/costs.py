"""What the calls of an aggregate cost. Pure."""

from __future__ import annotations

from typing import Final

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate

_NANODOLLARS: Final = 1_000_000_000
_MOST: Final = (1 << 63) - 1


def sum_cost(counted: Aggregate, prices: Prices) -> tuple[float | None, int]:
    """US dollars, None when no call could be priced; and the calls with tokens that could not."""
    cost, unpriced = None, 0
    for rate, (_, _, metered, given, made, cached) in counted.counts.items():
        if not (metered or given or made or cached):
            continue
        price = prices.cost(rate, given, made, cached)
        if price is None:
            unpriced += metered
        else:
            cost = (cost or 0.0) + price
    return cost, unpriced


def rank_cost(counted: Aggregate, prices: Prices) -> int:
    """What the calls cost in whole billionths of a dollar; 0 where none could be priced."""
    cost, _ = sum_cost(counted, prices)
    return min(round((cost or 0.0) * _NANODOLLARS), _MOST)
