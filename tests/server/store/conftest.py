"""Every store there is: a test that takes ``store`` runs once for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.protocol import Store
from tests.server.postgres_cluster import (
    emptied_postgres_url,
    empty_postgres_url,
    postgres_server,
    postgres_template,
    second_emptied_postgres_url,
    second_shared_postgres_url,
    shared_postgres_url,
)

__all__ = [
    "emptied_postgres_url",
    "empty_postgres_url",
    "postgres_server",
    "postgres_template",
    "second_emptied_postgres_url",
    "second_shared_postgres_url",
    "shared_postgres_url",
]


def _sqlite_url(request: pytest.FixtureRequest) -> str:
    folder: Path = request.getfixturevalue("tmp_path")
    return str(folder / "completions.db")


def _postgres_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("emptied_postgres_url")
    return url


STORES: dict[str, Callable[[pytest.FixtureRequest], str]] = {"sqlite": _sqlite_url, "postgres": _postgres_url}
"""The address of an empty database, by kind of store."""


def _second_sqlite_url(request: pytest.FixtureRequest) -> str:
    folder: Path = request.getfixturevalue("tmp_path")
    return str(folder / "second.db")


def _second_postgres_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("second_emptied_postgres_url")
    return url


SECOND_STORES: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite": _second_sqlite_url,
    "postgres": _second_postgres_url,
}
"""The address of another empty database, by kind of store."""


@pytest.fixture(params=[(source, target) for source in sorted(STORES) for target in sorted(SECOND_STORES)])
def two_urls(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The addresses of two empty databases, in every pair of kinds."""
    source, target = request.param
    return STORES[source](request), SECOND_STORES[target](request)


@pytest.fixture(params=sorted(STORES))
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database of each kind."""
    return STORES[request.param](request)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store of each kind."""
    opened = open_store(store_url)
    yield opened
    opened.close()
