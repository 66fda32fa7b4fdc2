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

    def __call__(self, address: Any) -> Any:
        """A connection to a database."""
        closed = self._closed.setdefault(address, [])
        connection = closed.pop() if closed else self._connect(address)
        connection.close = partial(closed.append, connection)
        return connection


@pytest.fixture(scope="session")
def clickhouse_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the engine: a process can have one, so that all its tests share it."""
    if find_spec("clickhouse_connect") is None or find_spec("chdb") is None:
        pytest.skip(_MISSING)
    return tmp_path_factory.mktemp("clickhouse")


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
    connection = connect(parse_address(url))
    try:
        connection.run(f"CREATE DATABASE {name}")
        if url.startswith("chdb"):
            yield url.replace(f"database={DATABASE}", f"database={name}")
        else:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        connection.run(f"DROP DATABASE {name}")
        connection.close()


@pytest.fixture
def second_clickhouse_url(_clickhouse: tuple[str, Any]) -> Iterator[str]:
    """The URL of another empty database, of this test's own."""
    with fresh_clickhouse_database(_clickhouse[0]) as url:
        yield url


@pytest.fixture
def emptied_clickhouse_url(_clickhouse: tuple[str, Any]) -> str:
    """The URL of a database that tests share one after the other, each finding it empty."""
    url, connection = _clickhouse
    name = urlsplit(url).path.strip("/") if os.environ.get(SERVER_VARIABLE) else DATABASE
    query = (
        "SELECT table FROM system.parts WHERE database = {name:String} AND active"
        " AND table <> 'log10_migrations' GROUP BY table"
    )
    for (table,) in connection.ask(query, {"name": name}):
        connection.run(f"TRUNCATE TABLE {table}")
    return url
