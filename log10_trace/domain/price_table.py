"""A price table: what models cost, as a JSON file states it; see ``prices.json``. Pure.

``models`` has prices by model, for OpenAI and for hosts that the table does not know. ``providers`` has those
of APIs that are compatible with OpenAI's: the hosts that they answer at, and their models, whose names may
stand for other prices elsewhere. Entries are read when they are first asked for: a table names thousands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from log10_trace.domain.charges import REASONING_APART
from log10_trace.domain.model_prices import Tier, read_tiers

_DATE: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$|[-@]\d{8}$|-\d{2}-\d{4}$|(?<=preview)-\d{2}-\d{2}$")
_FINE_TUNED: Final = re.compile(r"(ft:[^:]+):.*")
_SAME_PRICE: Final = frozenset(
    {"openai", "azure", "openrouter", "litellm_proxy", "vercel_ai_gateway", "models"}
)
"""What stands before a model's name where models cost what they do at OpenAI."""

Entry = Mapping[str, Any]
Models = Mapping[str, Entry | None]
"""Model -> its prices, as in ``prices.json``; None for a model whose price shall not be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Provider:
    hosts: tuple[str, ...]
    """Names of hosts; ``*`` stands for any part of one."""
    names: tuple[str, ...]
    """What stands before a model's name, in gateways that name the provider so."""
    models: Models
    also: tuple[str, ...]
    """Providers whose models this one has too, at the same price; ``openai`` for ``models`` of the table."""
    is_known_anywhere: bool
    """Nobody else serves these models: their names alone say what they cost."""


class ListedPrice(NamedTuple):
    """A line of a table."""

    provider: str
    """Empty for OpenAI, and for hosts that the table does not know."""
    model: str
    entry: Entry | None


class PriceTable:
    """The prices of one file."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Take the content of a file.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is no price table.
        """
        self.document = document
        self.models: Models = {**document["models"]}
        given = document.get("providers", {})
        self._providers = {name: _read_provider(name, each) for name, each in given.items()}
        self._by_name = {name: each for each in self._providers.values() for name in each.names}
        self._tiers: dict[int, Mapping[str, Tier]] = {}

    def check(self) -> None:
        """Read every entry.

        Raises:
            ValueError: an entry has no prices; the message names it.
        """
        for models in (self.models, *(provider.models for provider in self._providers.values())):
            for name, entry in models.items():
                self._check(name, entry)

    def find(self, model: str, host: str = "") -> Mapping[str, Tier] | None:
        """The prices of a model by tier; None when the table does not name the model.

        At a host that the table knows only the prices of its provider count. Elsewhere the model's name
        decides, with or without its provider before it.
        """
        provider = self._provider_at(host)
        found = self._find_at(provider, model) if provider else self._find_by_name(model)
        return None if found is None else self._read(found[0])

    def list_prices(self) -> Iterator[ListedPrice]:
        """Every line of the table."""
        for model, entry in self.models.items():
            yield ListedPrice("", model, entry)
        for name, provider in self._providers.items():
            for model, entry in provider.models.items():
                yield ListedPrice(name, model, entry)

    def _check(self, name: str, entry: Entry | None) -> None:
        try:
            self._read(entry)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"{name}: {error if isinstance(error, ValueError) else 'a part of it has another form'}"
            raise ValueError(message) from error
        if entry and "reasoning" in entry and not name.endswith(REASONING_APART):
            apart = ", ".join(REASONING_APART)
            message = f"{name}: reasoning has no price of its own, only that of {apart}"
            raise ValueError(message)

    def _provider_at(self, host: str) -> _Provider | None:
        return next(
            (
                provider
                for provider in self._providers.values()
                if host and any(fnmatchcase(host, pattern) for pattern in provider.hosts)
            ),
            None,
        )

    def _find_at(self, provider: _Provider, model: str) -> tuple[Entry | None] | None:
        prefix, _, rest = model.partition("/")
        names = (model, rest) if prefix in (*provider.names, "models") else (model,)
        others = [self._providers[name].models for name in provider.also if name in self._providers]
        if "openai" in provider.also:
            others.append(self.models)
        return next(
            (
                found
                for name in names
                for models in (provider.models, *others)
                if (found := _look_up(models, name))
            ),
            None,
        )

    def _find_by_name(self, model: str) -> tuple[Entry | None] | None:
        everywhere = [each.models for each in self._providers.values() if each.is_known_anywhere]
        name: str | None = model
        while name:
            for models in (self.models, *everywhere):
                if found := _look_up(models, name):
                    return found
            prefix, _, rest = name.partition("/")
            provider = self._by_name.get(prefix)
            if provider and rest and (found := self._find_at(provider, rest)):
                return found
            name = rest if prefix in _SAME_PRICE else None
        return None

    def _read(self, entry: Entry | None) -> Mapping[str, Tier]:
        if entry is None:
            return {}
        tiers = self._tiers.get(id(entry))
        if tiers is None:
            tiers = self._tiers[id(entry)] = read_tiers(entry)
        return tiers


def _read_provider(name: str, given: Mapping[str, Any]) -> _Provider:
    return _Provider(
        hosts=_strings(given, "hosts"),
        names=(name, *_strings(given, "names")),
        models={**given["models"]},
        also=_strings(given, "also"),
        is_known_anywhere=given.get("known_anywhere") is True,
    )


def _strings(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values: Sequence[Any] = given.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        message = f"{name} is no list of texts"
        raise ValueError(message)
    return tuple(values)


def _look_up(models: Models, model: str) -> tuple[Entry | None] | None:
    """The entry of a model, which may be None; None when there is no entry."""
    return next(((models[name],) for name in _spell(model) if name in models), None)


def _spell(model: str) -> Iterator[str]:
    """The names that a model's price may stand under, the most exact one first."""
    yield model
    of_all = _FINE_TUNED.sub(r"\1", model)
    yield of_all
    yield _DATE.sub("", of_all)
