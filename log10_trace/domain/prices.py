"""What tokens cost: the package's price table, and the user's, which wins. What neither names is unknown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from log10_trace.domain.charges import Charge, Rate
from log10_trace.domain.model_prices import Price
from log10_trace.domain.price_table import PriceTable
from log10_trace.errors import ConfigError

_PER_TOKENS: Final = 1_000_000
_CACHED_RATES: Final = 4096
_BROKEN: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
_FORM: Final = '{"models": {"our-model": {"input": 2.5, "output": 10}}}'


class Prices:
    """What models cost, by name, host and tier.

    Args:
        package: The content of the package's ``prices.json``, or of another table.
        own: The content of the user's file. Whatever it names has its prices; the rest has the package's.
        path: Where the user's file is.
    """

    def __init__(
        self, package: Mapping[str, Any], own: Mapping[str, Any] | None = None, path: Path | None = None
    ) -> None:
        """Take the tables.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: one is no price table.
        """
        self.package = PriceTable(package)
        self.own = None if own is None else PriceTable(own)
        self.path = path
        self._find = lru_cache(maxsize=_CACHED_RATES)(self._look_up)

    @classmethod
    def load(cls, path: Path | None = None) -> Prices:
        """Read the package's table, and the user's file at ``path``.

        Raises:
            ConfigError: the file cannot be read, or is no price table.
        """
        package = _read_package()
        if path is None:
            return cls(package)
        try:
            own = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
            PriceTable(own).check()
        except OSError as error:
            reason = f"it cannot be read: {error.strerror}"
            raise ConfigError("prices", str(path), reason) from error
        except _BROKEN as error:
            # The others speak of Python's types.
            said = str(error) if isinstance(error, ValueError) else "a part of it has another form"
            reason = f"it is no price table such as {_FORM}: {said}"
            raise ConfigError("prices", str(path), reason) from error
        return cls(package, own, path)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Prices:
        """The prices that ``document()`` of a server stands for.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is no price table.
        """
        prices = cls(document, document.get("own"))
        prices.check()
        return prices

    def check(self) -> None:
        """Read every entry.

        Raises:
            ValueError: an entry has no prices; the message names it.
        """
        for table in self._tables():
            table.check()

    def document(self) -> dict[str, Any]:
        """The tables as the API gives them: the user's apart, and its models among the package's as well.

        Clients of earlier versions read ``models`` alone.
        """
        package = dict(self.package.document)
        if self.own is None:
            return package
        models = {**self.package.models, **self.own.models}
        package["models"] = {name: entry for name, entry in models.items() if entry is not None}
        return package | {"own": dict(self.own.document)}

    def cost(self, rate: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        """US dollars for tokens at a rate (``Rate.key()``; a model's name is its standard rate).

        ``cached_tokens`` are part of ``input_tokens``. None when the tables have no price for the rate: a
        model or tier that they do not name, or sound without a price of its own. A model's dated version
        (``gpt-4o-2024-08-06``) costs what the model does, unless the table names it, and so do
        ``openai/gpt-4o`` and a fine-tuned model without its owner (``ft:gpt-4o-mini:acme::1``).
        """
        price = self._find(rate)
        if price is None:
            return None
        fresh = max(input_tokens - cached_tokens, 0)
        total = fresh * price.input + cached_tokens * price.cached_input + output_tokens * price.output
        return total / _PER_TOKENS

    def cost_of(self, charges: Iterable[Charge]) -> float | None:
        """US dollars for a call; None when one of its charges has no price."""
        costs = [self.cost(*charge) for charge in charges]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def _look_up(self, key: str) -> Price | None:
        rate = Rate.from_key(key)
        tiers = next(
            (found for table in self._tables() if (found := table.find(rate.model, rate.host)) is not None),
            {},
        )
        tier = tiers.get(rate.tier)
        return None if tier is None else tier.price(rate.kind, rate.above)

    def _tables(self) -> tuple[PriceTable, ...]:
        return (self.package,) if self.own is None else (self.own, self.package)


@cache
def _read_package() -> dict[str, Any]:
    """The package's table: two thousand prices, the same for every store of a process. Only to be read."""
    table: dict[str, Any] = json.loads((resources.files(__package__) / "prices.json").read_bytes())
    return table


def _refuse_constant(name: str) -> None:
    message = f"{name} is no JSON"
    raise ValueError(message)
