"""Every store there is: a test that takes ``store`` runs once for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.protocol import READ_TIMEOUT_S, Store
from tests.server.clickhouse_engine import (
    CLUSTER,
    _clickhouse,
    _clustered,
    clickhouse_folder,
    emptied_clickhouse_url,
    emptied_cluster_url,
    fresh_clickhouse_database,
    second_clickhouse_url,
    two_shards,
)
from tests.server.postgres_cluster import (
    emptied_postgres_url,
    empty_postgres_url,
    fresh_database,
    postgres_server,
    postgres_template,
    second_emptied_postgres_url,
    second_shared_postgres_url,
    shared_postgres_url,
)

__all__ = [
    "_clickhouse",
    "_clustered",
    "clickhouse_folder",
    "emptied_clickhouse_url",
    "emptied_cluster_url",
    "emptied_postgres_url",
    "empty_postgres_url",
    "postgres_server",
    "postgres_template",
    "second_clickhouse_url",
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


def _clickhouse_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("emptied_clickhouse_url")
    return url


def _cluster_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("emptied_cluster_url")
    return url


KINDS = ("clickhouse", "postgres", "sqlite")
STORES: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "clickhouse": _clickhouse_url,
    "cluster": _cluster_url,
    "sqlite": _sqlite_url,
    "postgres": _postgres_url,
}
"""The address of an empty database, by kind of store."""


def _second_sqlite_url(request: pytest.FixtureRequest) -> str:
    folder: Path = request.getfixturevalue("tmp_path")
    return str(folder / "second.db")


def _second_postgres_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("second_emptied_postgres_url")
    return url


def _second_clickhouse_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("second_clickhouse_url")
    return url


SECOND_STORES: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite": _second_sqlite_url,
    "postgres": _second_postgres_url,
}
"""The address of another empty database, by kind of store."""


TARGETS = {**SECOND_STORES, "clickhouse": _second_clickhouse_url, "cluster": _cluster_url}
PAIRS = [
    *((source, target) for source in sorted(KINDS) for target in sorted(KINDS)),
    ("clickhouse", "cluster"),
    ("cluster", "sqlite"),
]


@pytest.fixture(autouse=True)
def _time_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let statistics take as long as they need: on a busy machine they would be of more than what matches."""
    for name in ("postgres", "sqlite"):
        monkeypatch.setattr(f"log10_trace.server.store.{name}.matching_records.MAX_SECONDS", READ_TIMEOUT_S)


@pytest.fixture(params=PAIRS, ids=" to ".join)
def two_urls(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The addresses of two empty databases, in every pair of kinds."""
    source, target = request.param
    return STORES[source](request), TARGETS[target](request)


@pytest.fixture(params=sorted(SECOND_STORES))
def second_url(request: pytest.FixtureRequest) -> str:
    """The address of another empty database, of each kind that another process can open meanwhile."""
    return SECOND_STORES[request.param](request)


CLUSTERED = frozenset(
    ("test_changes", "test_deletion", "test_grading_queue", "test_sessions", "test_transfer")
)
"""Modules whose tests run over two shards too: those that join, lease or delete. ``test_cluster.py`` compares
the lists, searches and statistics of one server and of two shards.
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what takes a store once for each kind."""
    is_clustered = metafunc.module.__name__.rpartition(".")[2] in CLUSTERED
    kinds = sorted(kind for kind in STORES if kind != "cluster" or is_clustered)
    for name in {"store_url", "module_store"}.intersection(metafunc.fixturenames):
        metafunc.parametrize(name, kinds, indirect=True, scope="module" if name == "module_store" else None)


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database of each kind."""
    return STORES[request.param](request)


@pytest.fixture(scope="module")
def module_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of each kind for the tests of a module, which only read what is put into it at first."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = str(tmp_path_factory.mktemp("module") / "completions.db")
        elif request.param == "postgres":
            server, template = map(request.getfixturevalue, ("postgres_server", "postgres_template"))
            url = stack.enter_context(fresh_database(server, template))
        else:
            url = stack.enter_context(fresh_clickhouse_database(request.getfixturevalue("_clickhouse")[0]))
            if request.param == "cluster":
                url = f"{url}&cluster={CLUSTER}"
                stack.enter_context(two_shards())
        yield stack.enter_context(closing(open_store(url)))


@pytest.fixture(params=["postgres", "sqlite"])
def rollup_store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database of each kind that keeps roll-ups, which ClickHouse does not."""
    return STORES[request.param](request)


@pytest.fixture
def rollup_store(rollup_store_url: str) -> Iterator[Store]:
    """An empty store of each kind that keeps roll-ups."""
    opened = open_store(rollup_store_url)
    yield opened
    opened.close()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store of each kind."""
    opened = open_store(store_url)
    yield opened
    opened.close()
