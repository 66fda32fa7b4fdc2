"""What tokens cost, in US dollars for a million of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    reasoning: Number | None = None
    """Of output that is thinking; none: as ``output``."""


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


class ProviderPrices(Model):
    """The prices of a provider's models."""

    hosts: list[str]
    """The hosts that it answers at; ``*`` stands for any part of a name."""
    names: list[str] | None = None
    """What gateways write before its models' names, besides its id."""
    also: list[str] | None = None
    """Providers whose models it has at the same prices."""
    known_anywhere: bool | None = None
    """Its models' names alone say what they cost."""
    models: dict[str, ModelPrices]


class PriceTable(Model):
    """The prices of every model that has one."""

    about: str | None = None
    source: str | None = None
    """Where the package's prices are from."""
    date: str | None = None
    """The day of the package's prices."""
    models: dict[str, ModelPrices]
    """The prices by model: OpenAI's, and those of the server's own file."""
    providers: dict[str, ProviderPrices] | None = None
    own: dict[str, Any] | None = None
    """The server's own file, which wins."""


@dataclass(frozen=True, kw_only=True)
class PricesResponse(Response):
    """The table that the server works out cost with."""

    prices: PriceTable
