"""Opens the store that a URL names."""

from __future__ import annotations

from pathlib import Path

from log10_trace.domain.prices import Prices
from log10_trace.errors import MissingExtraError
from log10_trace.server.store.address import is_clickhouse, is_postgres, sqlite_path
from log10_trace.server.store.protocol import Store


def open_store(url: str | Path, *, prices: Prices | None = None, must_exist: bool = False) -> Store:
    """Open the store at ``url``: a file's path, ``sqlite:///path``, ``postgresql://...``, ``clickhouse://...``.

    A database that is not there yet is made, unless it ``must_exist``; an older one is migrated. Without
    ``prices`` the package's own price table counts.

    Raises:
        SetupError: the file is another program's, its schema is newer, it cannot be opened, or it is not
            there and ``must_exist``.
        MissingExtraError: PostgreSQL or ClickHouse is asked for and its driver is not installed.
    """
    prices = prices or Prices.load()
    address = str(url)
    if is_clickhouse(address):
        return _open_clickhouse(address, prices, must_exist=must_exist)
    if not is_postgres(address):
        from log10_trace.server.store.sqlite.store import SqliteStore  # noqa: PLC0415 -- one store, one import

        return SqliteStore(sqlite_path(address), prices=prices, must_exist=must_exist)
    try:
        from log10_trace.server.store.postgres.store import PostgresStore  # noqa: PLC0415 -- optional extra
    except ModuleNotFoundError as error:
        part, extra = "A PostgreSQL database", "postgres"
        raise MissingExtraError(part, extra) from error
    return PostgresStore(address, prices=prices, must_exist=must_exist)


def _open_clickhouse(address: str, prices: Prices, *, must_exist: bool) -> Store:
    try:
        from log10_trace.server.store.clickhouse.store import ClickHouseStore  # noqa: PLC0415 -- optional extra
    except ModuleNotFoundError as error:
        part, extra = "A ClickHouse database", "clickhouse"
        raise MissingExtraError(part, extra) from error
    return ClickHouseStore(address, prices=prices, must_exist=must_exist)
