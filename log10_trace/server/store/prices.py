"""What tokens cost: a table from a data file that users can replace. A model it does not name is unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from log10_trace.errors import ConfigError

_PER_TOKENS: Final = 1_000_000
_DATE: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$|-\d{8}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    cached_input: float


class Prices:
    """The price table: costs of models by name."""

    def __init__(self, models: Mapping[str, Price]) -> None:
        self._models = models

    @classmethod
    def load(cls, path: Path | None = None) -> Prices:
        """Read the table at ``path``, or the package's own.

        Raises:
            ConfigError: the file cannot be read, or is no price table.
        """
        source = path or resources.files(__package__) / "prices.json"
        try:
            table = json.loads(source.read_text(encoding="utf-8"))
            return cls({name: _price(entry) for name, entry in table["models"].items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            key, reason = "prices", f"it is no price table ({type(error).__name__}: {error})"
            raise ConfigError(key, str(source), reason) from error

    def cost(
        self, model: str | None, input_tokens: int, output_tokens: int, cached_tokens: int = 0
    ) -> float | None:
        """US dollars for a call, ``cached_tokens`` being part of ``input_tokens``; None for an unknown model.

        A model's dated version (``gpt-4o-2024-08-06``) costs what the model does, unless the table names it.
        """
        price = self._find(model or "")
        if price is None:
            return None
        fresh = max(input_tokens - cached_tokens, 0)
        total = fresh * price.input + cached_tokens * price.cached_input + output_tokens * price.output
        return total / _PER_TOKENS

    def _find(self, model: str) -> Price | None:
        return self._models.get(model) or self._models.get(_DATE.sub("", model))


def _price(entry: Mapping[str, Any]) -> Price:
    input_price = float(entry["input"])
    return Price(
        input=input_price,
        output=float(entry["output"]),
        cached_input=float(entry.get("cached_input", input_price)),
    )
