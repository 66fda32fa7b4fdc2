"""Connections to ClickHouse, and a pool of them for reading."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final, TypeVar

import clickhouse_connect
from clickhouse_connect.driver import options
from clickhouse_connect.driver.binding import format_str
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from log10_trace.errors import SetupError
from log10_trace.server.store.clickhouse.address import ClickHouseAddress, Cluster
from log10_trace.server.store.clickhouse.cluster import sql_for
from log10_trace.server.store.clickhouse.errors import (
    PASSING,
    TIMED_OUT,
    code_of,
    explain_refusal,
    is_connection_lost,
    translate_error,
)
from log10_trace.server.store.clickhouse.queries import INSERTED_TYPES
from log10_trace.server.store.clickhouse.value_lists import is_plain, split_lists
from log10_trace.server.store.errors import StoreBusyError, StoreClosedError
from log10_trace.server.store.protocol import READ_TIMEOUT_S

# The first insert would import pandas and numpy, where they are installed, to ask whether its rows are
# a frame or an array of theirs: 60 MB for nothing.
for _library in ("pd", "np"):
    vars(options).setdefault(_library, None)

Row = Sequence[Any]
Values = Mapping[str, Any]
Result = TypeVar("Result")

CONNECT_TIMEOUT_S: Final = 5
READERS: Final = 8
"""Connections for reading that one server keeps at most."""
OWN_READERS: Final = 2
"""Connections for what the server itself has to know: keys, health."""
_WAIT_S: Final = 3.0
"""How long a reader waits for one of them."""
_READ_ANSWER_S: Final = READ_TIMEOUT_S + 5
_WRITE_TIMEOUT_S: Final = 100
"""Of a statement of a connection that writes: a deletion waits until the parts are rewritten."""
_WRITE_ANSWER_S: Final = _WRITE_TIMEOUT_S + 20
"""How long a connection waits for an answer: ClickHouse itself ends what takes long, unless it is stuck."""
_OLDEST: Final = (26, 2)
"""Of the engine: with it text indexes left their trial."""
_SETTINGS: Final[dict[str, Any]] = {
    "async_insert": 0,  # a group commit gathers rows already; it is answered when they are on the disk
    "do_not_merge_across_partitions_select_final": 1,  # a record's rows are of one month
    # A repeated insert, whose first try wrote rows and failed before it had counted them, counts them then.
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,  # an import may hold calls of many years
    "mutations_sync": 2,
    "lightweight_deletes_sync": 2,
}
_CLUSTER_SETTINGS: Final = {
    # An insert is answered when most replicas of each of its shards have it, and a read by a replica that has
    # all such inserts, for which they have to come one after the other.
    "distributed_foreground_insert": 1,
    "insert_quorum": "auto",
    "insert_quorum_parallel": 0,
    "insert_quorum_timeout": 30_000,
    "select_sequential_consistency": 1,
    "optimize_skip_unused_shards": 1,
    "distributed_product_mode": "local",  # all rows of a record are on one shard
    "distributed_ddl_task_timeout": 100,
}
_PAUSES_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.0)
"""Before each further attempt at what waits for a replica to catch up."""


class Connection:
    """One connection. For one thread at a time."""

    def __init__(self, client: Client, cluster: Cluster | None = None) -> None:
        self._client = client
        self._sql = sql_for(cluster)
        self._pauses = () if cluster is None else _PAUSES_S

    def rows(self, name: str, values: Values, *, timeout_s: float | None = None) -> Sequence[Row]:
        """All rows of a named query."""
        return self.ask(self._sql[name], values, timeout_s=timeout_s)

    def ask(
        self, query: str, values: Values, *, timeout_s: float | None = None, keeps_part: bool = False
    ) -> Sequence[Row]:
        """All rows of a query; none for a text with half a character, which no row holds.

        Long lists of ids are asked for in pieces, whose rows follow each other.

        Raises:
            TimeoutError: it took longer than ``timeout_s``; with ``keeps_part`` the rows are of a part then.
        """
        settings: dict[str, Any] = {}
        if timeout_s is not None:
            settings["max_execution_time"] = timeout_s
            settings["timeout_overflow_mode"] = "break" if keeps_part else "throw"
        try:
            answers = [self._ask_piece(query, piece, settings) for piece in split_lists(values)]
        except ClickHouseError as error:
            if timeout_s is not None and code_of(error) == TIMED_OUT:
                raise TimeoutError from None
            raise
        return answers[0] if len(answers) == 1 else list(chain.from_iterable(answers))

    def execute(self, name: str, values: Values | None = None) -> None:
        """Run a named statement."""
        self.change(self._sql[name], values or {})

    def change(self, statement: str, values: Values) -> None:
        """Run a statement, with long lists in pieces."""
        for piece in split_lists(values):
            # As a query: the driver sends the values of a command in the URL.
            self._client.raw_query(statement, parameters=_bind(piece))

    def run(self, statement: str) -> None:
        """Run a statement of a migration."""
        self._client.command(statement)

    def insert(self, table: str, rows: Sequence[Row], token: str = "") -> None:
        """Insert rows, whose values are those of ``INSERTED_TYPES``. With a ``token`` at most once."""
        types = INSERTED_TYPES[table]
        settings = {"insert_deduplication_token": token} if token else {}
        self._patiently(
            lambda: self._client.insert(
                table,
                rows,
                column_names=list(types),
                column_type_names=list(types.values()),
                settings=settings,
            )
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _ask_piece(self, query: str, values: Values, settings: dict[str, Any]) -> Sequence[Row]:
        try:
            bound = _bind(values)
            return self._patiently(
                lambda: self._client.query(query, parameters=bound, settings=settings).result_rows
            )
        except UnicodeEncodeError:
            return []

    def _patiently(self, attempt: Callable[[], Result]) -> Result:
        """Try again what a replica refuses for as long as it lacks the last insert of another server."""
        for pause_s in self._pauses:
            try:
                return attempt()
            except ClickHouseError as error:
                if code_of(error) not in PASSING:
                    raise
            threading.Event().wait(pause_s)
        return attempt()


class _TextArray:
    """Texts for a query. The driver would look at each character of them, which takes longer than a write."""

    def __init__(self, texts: Sequence[str]) -> None:
        quoted = [f"'{text}'" if is_plain(text) else format_str(text) for text in texts]
        self._literal = f"[{', '.join(quoted)}]"

    def __str__(self) -> str:
        return self._literal


def _bind(values: Values) -> dict[str, Any]:
    """The values as the driver takes them; it writes what it does not know by its text."""
    return {
        name: _TextArray(value) if isinstance(value, list) and value and isinstance(value[0], str) else value
        for name, value in values.items()
    }


def connect(address: ClickHouseAddress, *, reads: bool = False) -> Connection:
    """A connection to a database that is there; one that only ``reads`` waits less for an answer."""
    limits = {"max_execution_time": READ_TIMEOUT_S if reads else _WRITE_TIMEOUT_S, **_SETTINGS}
    if address.cluster is not None:
        limits |= _CLUSTER_SETTINGS
    if address.is_embedded:
        client = clickhouse_connect.get_client(
            interface="chdb", path=address.folder, database=address.database, settings=limits
        )
    else:
        client = clickhouse_connect.get_client(
            host=address.host,
            port=address.port,
            username=address.username,
            password=address.password,
            database=address.database,
            secure=address.is_secure,
            connect_timeout=CONNECT_TIMEOUT_S,
            send_receive_timeout=_READ_ANSWER_S if reads else _WRITE_ANSWER_S,
            autogenerate_session_id=False,
            form_encode_query_params=True,
            client_name="log10-trace",
            settings=limits,
        )
    return Connection(client, address.cluster)


def first_connection(address: ClickHouseAddress) -> Connection:
    """``connect`` when a store is opened: what stands in the way is a sentence for the person who starts it.

    Raises:
        SetupError: nothing answers there, it refuses, or it is too old.
    """
    try:
        if address.is_embedded:
            _make_database(address)
        connection = connect(address)
        ((version,),) = connection.rows("version", {})
    except (ClickHouseError, OSError) as error:
        raise SetupError(explain_refusal(error, address)) from None
    if tuple(map(int, version.split(".")[:2])) < _OLDEST:
        connection.close()
        needed = ".".join(map(str, _OLDEST))
        message = f"ClickHouse {version} is too old: log10-trace needs {needed} or later."
        raise SetupError(message)
    return connection


def _make_database(address: ClickHouseAddress) -> None:
    client = clickhouse_connect.get_client(interface="chdb", path=address.folder)
    try:
        client.command(f"CREATE DATABASE IF NOT EXISTS {address.database}")
    finally:
        client.close()


@contextmanager
def translate_errors() -> Iterator[None]:
    """Say what goes wrong with ClickHouse inside this block in the store's own errors."""
    try:
        yield
    except ClickHouseError as error:
        raise translate_error(error) from error


class ReadPool:
    """Connections for reading, made as they are needed. Safe to use from any thread."""

    def __init__(self, open_connection: Callable[[], Connection], most: int = READERS) -> None:
        self._open = open_connection
        self._free: list[Connection] = []
        self._places = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._is_closed = False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for the length of the block.

        Raises:
            StoreBusyError: none is to be had, or ClickHouse does not answer.
            StoreClosedError: the store is shut.
        """
        if self._is_closed:
            raise StoreClosedError
        if not self._places.acquire(timeout=_WAIT_S):
            message = "Every connection to ClickHouse is taken; try again in a moment."
            raise StoreBusyError(message)
        try:
            with translate_errors():
                yield from self._lend()
        finally:
            self._places.release()

    def rows(self, name: str, values: Values) -> Sequence[Row]:
        """All rows of a named query."""
        with self.connection() as connection:
            return connection.rows(name, values)

    def row(self, name: str, values: Values) -> Row | None:
        """The first row of a named query, or None."""
        return next(iter(self.rows(name, values)), None)

    def close(self) -> None:
        """Close every connection; those in use when they are given back."""
        with self._lock:
            self._is_closed = True
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def _lend(self) -> Iterator[Connection]:
        with self._lock:
            connection = self._free.pop() if self._free else None
        connection = connection or self._open()
        try:
            yield connection
        except ClickHouseError as error:
            if is_connection_lost(error):
                connection.close()
                raise
            self._give_back(connection)
            raise
        except BaseException:
            self._give_back(connection)
            raise
        else:
            self._give_back(connection)

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if not self._is_closed:
                self._free.append(connection)
                return
        connection.close()
