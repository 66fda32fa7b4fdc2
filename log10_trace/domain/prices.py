"""What tokens cost: a table from a data file that users can replace. What it does not name is unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from log10_trace.domain.charges import (
    AUDIO,
    CACHE_WRITE,
    CACHE_WRITE_12H,
    LARGE_INPUTS,
    TEXT,
    TEXT_WITH_AUDIO,
    Charge,
    Rate,
    tier_of,
)
from log10_trace.errors import ConfigError

_PER_TOKENS: Final = 1_000_000
_MOST_DOLLARS: Final = 1e9
_DATE: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$|[-@]\d{8}$")
_FINE_TUNED: Final = re.compile(r"(ft:[^:]+):.*")
_SAME_PRICE: Final = frozenset(
    {"openai", "azure", "openrouter", "litellm_proxy", "vercel_ai_gateway", "models"}
)
"""What stands before a model's name where models cost what they do at OpenAI."""

Table = Mapping[str, Mapping[str, Any]]
"""Model -> its prices, as in ``prices.json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    cached_input: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tier:
    """The prices of a model in one tier."""

    of_kind: Mapping[str, _Price]
    of_large_input: Mapping[str, _Price]
    above: int
    """Tokens of input above which ``of_large_input`` holds."""

    def price(self, kind: str, above: int) -> _Price | None:
        """The price of a kind of tokens, in a call whose input exceeds ``above`` tokens."""
        is_large = bool(self.of_large_input) and above >= self.above
        return (self.of_large_input if is_large else self.of_kind).get(kind)


class Prices:
    """The price table: what models cost, by name and tier."""

    def __init__(self, table: Table) -> None:
        """Take the table, as it stands under ``models`` in the file.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is no price table.
        """
        self.table = table
        self._models = {name: dict(_tiers(entry)) for name, entry in table.items()}

    @classmethod
    def load(cls, path: Path | None = None) -> Prices:
        """Read the table at ``path``, or the package's own.

        Raises:
            ConfigError: the file cannot be read, or is no price table.
        """
        source = path or resources.files(__package__) / "prices.json"
        try:
            table = json.loads(source.read_bytes(), parse_constant=_refuse_constant)
            return cls(table["models"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            key, reason = "prices", f"it is no price table ({type(error).__name__}: {error})"
            raise ConfigError(key, str(source), reason) from error

    def cost(self, rate: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        """US dollars for tokens at a rate (``Rate.key()``; a model's name is its standard rate).

        ``cached_tokens`` are part of ``input_tokens``. None when the table has no price for the rate: a model
        or tier that it does not name, or sound without a price of its own. A model's dated version
        (``gpt-4o-2024-08-06``) costs what the model does, unless the table names it, and so do
        ``openai/gpt-4o`` and a fine-tuned model without its owner (``ft:gpt-4o-mini:acme::1``).
        """
        price = self._find(Rate.from_key(rate))
        if price is None:
            return None
        fresh = max(input_tokens - cached_tokens, 0)
        total = fresh * price.input + cached_tokens * price.cached_input + output_tokens * price.output
        return total / _PER_TOKENS

    def cost_of(self, charges: Iterable[Charge]) -> float | None:
        """US dollars for a call; None when one of its charges has no price."""
        costs = [self.cost(*charge) for charge in charges]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def _find(self, rate: Rate) -> _Price | None:
        tiers = next((self._models[name] for name in _names(rate.model) if name in self._models), {})
        tier = tiers.get(rate.tier)
        return None if tier is None else tier.price(rate.kind, rate.above)


def _names(model: str) -> Iterator[str]:
    """The names that a model's price may stand under, the most exact one first."""
    name: str | None = model
    while name:
        yield name
        of_all = _FINE_TUNED.sub(r"\1", name)
        yield of_all
        yield _DATE.sub("", of_all)
        provider, _, rest = name.partition("/")
        name = rest if provider in _SAME_PRICE else None


def _tiers(entry: Mapping[str, Any]) -> Iterator[tuple[str, _Tier]]:
    yield "", _tier(entry)
    for name, prices in entry.get("tiers", {}).items():
        yield tier_of(name), _tier(prices)


def _tier(entry: Mapping[str, Any]) -> _Tier:
    large = entry.get("large_input")
    above = large["above"] if large else 0
    if large and above not in LARGE_INPUTS:
        message = f"large_input: above is none of {', '.join(map(str, LARGE_INPUTS))}"
        raise ValueError(message)
    return _Tier(of_kind=_by_kind(entry), of_large_input=_by_kind(large) if large else {}, above=above)


def _by_kind(entry: Mapping[str, Any]) -> dict[str, _Price]:
    text = _price(entry)
    written = _dollars(entry, "cache_write", text.input)
    kept_long = _dollars(entry, "cache_write_12h", written)
    prices = {
        TEXT: text,
        CACHE_WRITE: _Price(input=written, output=0.0, cached_input=0.0),
        CACHE_WRITE_12H: _Price(input=kept_long, output=0.0, cached_input=0.0),
    }
    if "audio" in entry:
        prices |= {TEXT_WITH_AUDIO: text, AUDIO: _price(entry["audio"])}
    return prices


def _price(entry: Mapping[str, Any]) -> _Price:
    given = _dollars(entry, "input")
    return _Price(
        input=given,
        output=_dollars(entry, "output"),
        cached_input=_dollars(entry, "cached_input", given),
    )


def _dollars(entry: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = entry[name] if default is None else entry.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _MOST_DOLLARS:
        message = f"{name} is no price: {value}"
        raise ValueError(message)
    return float(value)


def _refuse_constant(name: str) -> None:
    message = f"{name} is no JSON"
    raise ValueError(message)
