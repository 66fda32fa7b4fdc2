"""Empty ClickHouse databases for tests: the engine in this process, or the server that a variable names."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

SERVER_VARIABLE = "LOG10_TEST_CLICKHOUSE_URL"
"""The address of a server whose database the tests may empty; without it the engine runs in this process."""
DATABASE = "conformance"
_MISSING = "the engine of ClickHouse is not installed: pip install -e '.[dev,dev-clickhouse]'"
CLUSTER = "two_shards"
_SHARD = "<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>"
_CONFIGURATION = f"""
<clickhouse>
  <tcp_port>9000</tcp_port>
  <macros><shard>1</shard><replica>a</replica></macros>
  <remote_servers><{CLUSTER}>{_SHARD * 2}</{CLUSTER}></remote_servers>
</clickhouse>
"""
"""A cluster of two shards, both of which are this process."""
needs_engine = pytest.mark.skipif(find_spec("chdb") is None, reason=_MISSING)


def shorten_waits(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have readers wait less for a connection; where the driver is not installed nobody waits."""
    if find_spec("clickhouse_connect") is not None:
        from log10_trace.server.store.clickhouse import connections

        monkeypatch.setattr(connections, "_WAIT_S", seconds)


class Reused:
    """Connections that are closed and then given out again."""

    def __init__(self, connect: Callable[[Any], Any]) -> None:
        self._connect = connect
        self._closed: dict[Any, list[Any]] = {}

    def __call__(self, address: Any, *, reads: bool = False) -> Any:
        """A connection to a database, for writing too whatever is asked."""
        del reads
        closed = self._closed.setdefault(address, [])
        connection = closed.pop() if closed else self._connect(address)
        connection.close = partial(closed.append, connection)
        return connection


@pytest.fixture(scope="session")
def clickhouse_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the engine: a process can have one, so that all its tests share it."""
    if find_spec("clickhouse_connect") is None or find_spec("chdb") is None:
        pytest.skip(_MISSING)
    import chdb

    folder = tmp_path_factory.mktemp("clickhouse")
    configuration = folder.with_suffix(".xml")
    configuration.write_text(_CONFIGURATION, encoding="utf-8")
    opened = chdb.connect(f"{folder}?config-file={configuration}")  # the first connection makes the engine
    yield folder
    opened.close()


@pytest.fixture(scope="session")
def _clickhouse(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """The address of a database that tests share one after the other, and a client of it."""
    url = os.environ.get(SERVER_VARIABLE)
    if url is None:
        folder: Path = request.getfixturevalue("clickhouse_folder")
        url = f"chdb://{folder}?database={DATABASE}"
    from log10_trace.server.store import open_store
    from log10_trace.server.store.clickhouse import store as clickhouse_store
    from log10_trace.server.store.clickhouse.address import parse_address
    from log10_trace.server.store.clickhouse.connections import connect

    open_store(url).close()
    connection = connect(parse_address(url))
    with pytest.MonkeyPatch.context() as patched:
        # The driver asks for all settings of the engine when it connects, which takes longer than a write.
        patched.setattr(clickhouse_store, "connect", Reused(connect))
        yield url, connection
    connection.close()


@contextmanager
def fresh_clickhouse_database(url: str) -> Iterator[str]:
    """The URL of a database made for this block beside the one at ``url``, and dropped after it."""
    from log10_trace.server.store.clickhouse.address import parse_address
    from log10_trace.server.store.clickhouse.connections import connect

    name = f"log10_{secrets.token_hex(6)}"
    address = parse_address(url)
    connection = connect(address)
    try:
        connection.run(f"CREATE DATABASE {name}{_everywhere(address)}")
        if url.startswith("chdb"):
            yield url.replace(f"database={DATABASE}", f"database={name}")
        else:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        connection.run(f"DROP DATABASE {name}{_everywhere(address)} SYNC")
        connection.close()


@contextmanager
def two_shards() -> Iterator[None]:
    """Have the engine in this process take ``?cluster=``.

    Both of its shards are this process and have the same tables, so a row is shown by the shard alone that
    it is sent to. What takes a real server is left out: statements are run once, and tables have no replicas.
    """
    from log10_trace.server.store.clickhouse import cluster, connections, store

    conditions = {  # what an insert hands to a view is of no shard
        f"{name}_local": f"shardNum() IN (0, {key} % 2 + 1)" for name, key in cluster.SHARDING_KEYS.items()
    }
    settings = {**connections._CLUSTER_SETTINGS, "additional_table_filters": str(conditions)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connections, "_CLUSTER_SETTINGS", settings)
        patched.setattr(cluster, "on_cluster", lambda _: "")
        patched.setattr(cluster, "replicate", lambda engine, arguments, **_: f"{engine}({arguments})")
        patched.setattr(store, "check_cluster", lambda *_: None)
        yield


def cluster_url(url: str, database: str) -> str:
    """The address of a database over two shards, on the engine of another address."""
    return url.replace(f"database={DATABASE}", f"database={database}&cluster={CLUSTER}")


@pytest.fixture(scope="session")
def _clustered(_clickhouse: tuple[str, Any]) -> tuple[str, Any]:
    """The address of a database over two shards, and a client of it."""
    url, connection = _clickhouse
    if os.environ.get(SERVER_VARIABLE):
        pytest.skip(f"the engine in this process is needed, and {SERVER_VARIABLE} names a server")
    from log10_trace.server.store import open_store

    url = cluster_url(url, "clustered")
    with two_shards():
        open_store(url).close()
    return url, connection


@pytest.fixture
def emptied_cluster_url(_clustered: tuple[str, Any]) -> Iterator[str]:
    """The URL of a database over two shards that tests share one after the other, each finding it empty."""
    url, connection = _clustered
    _empty(connection, url)
    with two_shards():
        yield url


@pytest.fixture
def second_clickhouse_url(_clickhouse: tuple[str, Any]) -> Iterator[str]:
    """The URL of another empty database, of this test's own."""
    with fresh_clickhouse_database(_clickhouse[0]) as url:
        yield url


@pytest.fixture
def emptied_clickhouse_url(_clickhouse: tuple[str, Any]) -> str:
    """The URL of a database that tests share one after the other, each finding it empty."""
    url, connection = _clickhouse
    _empty(connection, url)
    return url


def _empty(connection: Any, url: str) -> None:
    """Take all rows out of a database, and leave its schema."""
    from log10_trace.server.store.clickhouse.address import parse_address

    address = parse_address(url)
    where = "database = {database:String} AND table <> 'log10_migrations'"
    if address.is_embedded:
        query = f"SELECT DISTINCT table FROM system.parts WHERE {where} AND active"
    else:  # other hosts may have rows where this one has none
        query = f"SELECT table FROM system.tables WHERE {where} AND engine LIKE '%MergeTree'"
    for (table,) in connection.ask(query, {"database": address.database}):
        connection.run(f"TRUNCATE TABLE {address.database}.{table}{_everywhere(address)}")


def _everywhere(address: Any) -> str:
    """What has a statement run on every host, of a cluster that a variable names."""
    from log10_trace.server.store.clickhouse.cluster import on_cluster

    return "" if address.is_embedded or address.cluster is None else on_cluster(address.cluster)
