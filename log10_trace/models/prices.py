"""What tokens cost, in US dollars for a million of them."""

from __future__ import annotations

from dataclasses import dataclass

from log10_trace.models.base import Model, Number
from log10_trace.models.response import Response


class TokenPrices(Model):
    """US dollars for a million tokens of each kind."""

    input: Number
    cached_input: Number | None = None
    """Of input from the provider's cache; none: as ``input``."""
    cache_write: Number | None = None
    """Of input that is written to the provider's cache; none: as ``input``."""
    cache_write_12h: Number | None = None
    """The same, kept for twelve hours; none: as ``cache_write``."""
    output: Number


class LargeInputPrices(TokenPrices):
    """The prices of a call whose input is larger than ``above`` tokens."""

    above: int


class TierPrices(TokenPrices):
    """The prices of a model in one service tier."""

    audio: TokenPrices | None = None
    """None: a call with sound has no known cost."""
    large_input: LargeInputPrices | None = None


class ModelPrices(TierPrices):
    """The prices of a model."""

    tiers: dict[str, TierPrices] | None = None
    """The prices of each other service tier; one that is not here has no known cost."""


class PriceTable(Model):
    """The prices of every model that has one."""

    models: dict[str, ModelPrices]


@dataclass(frozen=True, kw_only=True)
class PricesResponse(Response):
    """The table that the server works out cost with."""

    prices: PriceTable
