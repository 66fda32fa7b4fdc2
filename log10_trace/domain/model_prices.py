"""The prices of one model, read from its entry of a price table. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.charges import (
    AUDIO,
    CACHE_WRITE,
    CACHE_WRITE_1H,
    CACHE_WRITE_12H,
    LARGE_INPUTS,
    REASONING,
    TEXT,
    TEXT_WITH_AUDIO,
    tier_of,
)

_MOST_DOLLARS: Final = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    cached_input: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The prices of a model in one tier."""

    of_kind: Mapping[str, Price]
    of_large_input: Mapping[str, Price]
    above: int
    """Tokens of input above which ``of_large_input`` holds."""

    def price(self, kind: str, above: int) -> Price | None:
        """The price of a kind of tokens, in a call whose input exceeds ``above`` tokens."""
        is_large = bool(self.of_large_input) and above >= self.above
        return (self.of_large_input if is_large else self.of_kind).get(kind)


def read_tiers(entry: Mapping[str, Any]) -> Mapping[str, Tier]:
    """The prices of a model by tier; the standard one is ``""``.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: the entry has no prices.
    """
    return dict(_tiers(entry))


def _tiers(entry: Mapping[str, Any]) -> Iterator[tuple[str, Tier]]:
    yield "", _tier(entry)
    for name, prices in entry.get("tiers", {}).items():
        yield tier_of(name), _tier(prices)


def _tier(entry: Mapping[str, Any]) -> Tier:
    large = entry.get("large_input")
    above = large["above"] if large else 0
    if large and above not in LARGE_INPUTS:
        message = f"large_input: above is none of {', '.join(map(str, LARGE_INPUTS))}"
        raise ValueError(message)
    return Tier(of_kind=_by_kind(entry), of_large_input=_by_kind(large) if large else {}, above=above)


def _by_kind(entry: Mapping[str, Any]) -> dict[str, Price]:
    text = _price(entry)
    written = _dollars(entry, "cache_write", text.input)
    kept_long = _dollars(entry, "cache_write_12h", written)
    thought = _dollars(entry, "reasoning", text.output)
    prices = {
        TEXT: text,
        CACHE_WRITE: Price(input=written, output=0.0, cached_input=0.0),
        CACHE_WRITE_12H: Price(input=kept_long, output=0.0, cached_input=0.0),
        REASONING: Price(input=0.0, output=thought, cached_input=0.0),
    }
    if "cache_write_1h" in entry:
        # Without it the price is not known: it is not that of a shorter time.
        kept_hour = _dollars(entry, "cache_write_1h")
        prices[CACHE_WRITE_1H] = Price(input=kept_hour, output=0.0, cached_input=0.0)
    if "audio" in entry:
        prices |= {TEXT_WITH_AUDIO: text, AUDIO: _price(entry["audio"])}
    return prices


def _price(entry: Mapping[str, Any]) -> Price:
    given = _dollars(entry, "input")
    return Price(
        input=given,
        output=_dollars(entry, "output"),
        cached_input=_dollars(entry, "cached_input", given),
    )


def _dollars(entry: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = entry.get(name, default)
    if value is None:
        message = f"{name} has no price"
        raise ValueError(message)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _MOST_DOLLARS:
        message = f"{name} is no price: {value}"
        raise ValueError(message)
    return float(value)
