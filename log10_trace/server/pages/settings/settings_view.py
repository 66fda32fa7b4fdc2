"""What the settings page shows, and its JSON twin. Pure."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from log10_trace import __version__
from log10_trace.domain import formatting
from log10_trace.domain.prices import Prices
from log10_trace.domain.times import rfc3339
from log10_trace.server.http.limits import MIB, Limits
from log10_trace.server.pages.settings.keys_view import KeyRow
from log10_trace.server.store.data_types import GroupTotals, Health, StoreDescription

_DATABASES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "clickhouse": "ClickHouse"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataView:
    """The database, and the organization's calls in it."""

    store: StoreDescription
    health: Health
    calls: int
    oldest_ms: int | None
    newest_ms: int | None

    @property
    def database(self) -> str:
        """``SQLite 3.46.1``."""
        return f"{_DATABASES[self.store.kind]} {self.store.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesView:
    """The price table, and the models that were called."""

    date: str
    source: str
    count: int
    """Prices of the package's table."""
    own_path: str
    """The user's own file; empty without one."""
    own_count: int
    models: tuple[GroupTotals, ...]
    """By the model that was asked for, those with calls without a price first."""

    @property
    def unpriced(self) -> int:
        """Calls without a price."""
        return sum(model.unpriced for model in self.models)

    @property
    def example(self) -> str:
        """A file that gives the first model without a price one."""
        name = next((model.key for model in self.models if model.unpriced and model.key), "our-model")
        return json.dumps({"models": {name: {"input": 0.5, "output": 1.5}}}, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsView:
    """The page."""

    url: str
    """Where programs reach this server, as the reader's browser does."""
    keys: tuple[KeyRow, ...]
    data: DataView
    prices: PricesView
    limits: Limits
    key_id: str
    """Of the key that is made next: sent twice, the form still makes one."""

    @property
    def valid_keys(self) -> tuple[KeyRow, ...]:
        """The keys that work."""
        return tuple(key for key in self.keys if key.state == "valid")

    @property
    def ended_keys(self) -> tuple[KeyRow, ...]:
        """The keys that work no longer."""
        return tuple(key for key in self.keys if key.state != "valid")

    @property
    def shown_limits(self) -> tuple[tuple[str, str], ...]:
        """The limits with their names."""
        limits = self.limits
        rate = f"{limits.requests_per_s:,g} a second" if limits.requests_per_s else "no limit"
        return (
            ("Records in a batch", formatting.count(limits.batch_items)),
            ("Body of a request", f"{limits.body_bytes / MIB:g} MiB"),
            ("The same, inflated", f"{limits.inflated_bytes / MIB:g} MiB"),
            ("Tags of a call", formatting.count(limits.tags)),
            ("Characters of a tag or id", formatting.count(limits.label_chars)),
            ("Calls on a page of the API", formatting.count(limits.page_items)),
            ("Time for a request", formatting.duration(limits.request_s)),
            ("Requests of one key", rate),
        )

    @property
    def versions(self) -> tuple[tuple[str, str], ...]:
        """The versions with their names."""
        return (
            ("log10_trace", __version__),
            ("Python", platform.python_version()),
            (_DATABASES[self.data.store.kind], self.data.store.version),
            ("Schema of the database", str(self.data.store.schema)),
        )

    def as_dict(self) -> dict[str, Any]:
        """The page as JSON has it: no secrets."""
        data, prices = self.data, self.prices
        return {
            "url": self.url,
            "keys": [key.as_dict() for key in self.keys],
            "database": {
                "kind": data.store.kind,
                "bytes": data.health.bytes,
                "waiting": data.health.waiting,
                "calls": data.calls,
                "oldest_at": None if data.oldest_ms is None else rfc3339(data.oldest_ms),
                "newest_at": None if data.newest_ms is None else rfc3339(data.newest_ms),
            },
            "prices": {
                "date": prices.date,
                "source": prices.source,
                "count": prices.count,
                "own_file": prices.own_path or None,
                "unpriced": {model.key or "": model.unpriced for model in prices.models if model.unpriced},
            },
            "limits": self.limits.as_dict(),
            "versions": {
                "log10_trace": __version__,
                "python": platform.python_version(),
                "database": data.store.version,
                "schema": data.store.schema,
            },
        }


def prices_view(prices: Prices, models: Iterable[GroupTotals]) -> PricesView:
    """The price table, and what it does not name."""
    package = prices.package.document
    called = sorted(models, key=lambda model: (-model.unpriced, -model.calls, model.key or ""))
    return PricesView(
        date=str(package.get("date", "")),
        source=str(package.get("source", "")),
        count=sum(1 for _ in prices.package.list_prices()),
        own_path=str(prices.path.absolute()) if prices.path else "",
        own_count=sum(1 for _ in prices.own.list_prices()) if prices.own else 0,
        models=tuple(called),
    )
