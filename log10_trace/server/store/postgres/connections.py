"""Connections to PostgreSQL, and the translation of its errors to store errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import Connection, IsolationLevel, conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from log10_trace.errors import SetupError
from log10_trace.server.store.errors import (
    StoreBusyError,
    StoreClosedError,
    StoreError,
    StoreFullError,
    UnstorableError,
)
from log10_trace.server.store.protocol import READ_TIMEOUT_S

Row = tuple[Any, ...]

CONNECT_TIMEOUT_S: Final = 5
READERS: Final = 8
"""Connections for reading that one server keeps at most."""
OWN_READERS: Final = 2
"""Connections for what the server itself has to know: keys, health."""
_WAIT_S: Final = 3.0
"""How long a reader waits for one of them."""
_READER_SETTINGS: Final = {
    "default_transaction_read_only": "on",
    # The plans look dear to PostgreSQL, and none runs as long as compiling it would take.
    "jit": "off",
    # To start other processes takes longer than what they would do.
    "max_parallel_workers_per_gather": "0",
    # A plan is made once. To make one takes longer than most questions, the more days there are.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "on",
    "enable_indexscan": "on",
    "enable_bitmapscan": "on",
}
PLAN_BY_VALUES: Final = {"plan_cache_mode": "force_custom_plan"}
"""Settings with which a statement is planned each time, for its values."""


def settings(url: str) -> str:
    """The connection string for ``url``, with our name on it and a limit on waiting.

    Raises:
        SetupError: ``url`` cannot be understood. The message does not repeat it: it holds a password.
    """
    try:
        given = conninfo.conninfo_to_dict(url)
        given.setdefault("application_name", "log10-trace")
        given.setdefault("connect_timeout", CONNECT_TIMEOUT_S)
        return conninfo.make_conninfo("", **given | {"client_encoding": "UTF8"})
    except psycopg.ProgrammingError:
        raise SetupError(_BAD_ADDRESS) from None


_BAD_ADDRESS: Final = (
    "The address of the PostgreSQL database cannot be used. It reads postgresql://user:password@host:port/name,"
    " and characters such as @ : / ? # in a password are written %40 %3A %2F %3F %23."
)


def connect(settings: str) -> Connection[Row]:
    """A connection of its own, each statement a transaction unless one is opened."""
    return psycopg.connect(settings, autocommit=True)


def first_connection(settings: str) -> Connection[Row]:
    """``connect`` when a store is opened: what stands in the way is a sentence for the person who starts it.

    Raises:
        SetupError: nothing answers there, it refuses, or its databases cannot hold any text.
    """
    try:
        connection = connect(settings)
    except psycopg.OperationalError as error:
        raise SetupError(_explain_connection_error(error)) from None
    if connection.info.parameter_status("server_encoding") != "UTF8":
        connection.close()
        message = "The PostgreSQL database cannot hold every text: create it with ENCODING 'UTF8'."
        raise SetupError(message)
    return connection


def _explain_connection_error(error: psycopg.OperationalError) -> str:
    # libpq gives no code, only text: "connection to server at ... failed: the reason". What reads otherwise
    # may repeat a part of the address, which may be a part of the password.
    where, failed, reason = str(error).partition("\n")[0].rpartition(" failed: ")
    if not failed:
        return _BAD_ADDRESS
    place = where.rpartition("connection to server ")[2]
    return f"The PostgreSQL server {place} cannot be used: {reason.removeprefix('FATAL:').strip()}."


@contextmanager
def translate_errors() -> Iterator[None]:
    """Say what goes wrong with PostgreSQL inside this block in the store's own errors."""
    try:
        yield
    except (PoolTimeout, TooManyRequests) as error:
        message = "Every connection to PostgreSQL is taken, or it does not answer; try again in a moment."
        raise StoreBusyError(message) from error
    except PoolClosed as error:
        raise StoreClosedError from error
    except psycopg.Error as error:
        raise translate_error(error) from error


def translate_error(error: psycopg.Error) -> StoreError:
    """The store's error for one of PostgreSQL's."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        return StoreBusyError(f"The query timed out after {READ_TIMEOUT_S} s; narrow it.")
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreFullError()
    if is_connection_lost(error):
        return StoreBusyError("PostgreSQL does not answer; the store goes on as soon as it does.")
    if isinstance(error, psycopg.DataError | psycopg.errors.ProgramLimitExceeded):
        return UnstorableError()
    return StoreError(f"PostgreSQL refused it ({type(error).__name__}).")


def is_connection_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone or PostgreSQL is stopping, so that another connection may succeed."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not isinstance(
        error, psycopg.errors.DiskFull | psycopg.errors.ProgramLimitExceeded
    )


class ReadPool:
    """A pool of read-only connections. A question that takes too long is given up by PostgreSQL itself."""

    def __init__(self, settings: str, connections: int | None = None) -> None:
        self._pool: ConnectionPool[Connection[Row]] = ConnectionPool(
            settings,
            min_size=1,
            max_size=connections or READERS,
            timeout=_WAIT_S,
            # After that the next question tries again at once, however long PostgreSQL was away.
            reconnect_timeout=_WAIT_S,
            open=False,
            configure=self._configure,
            # A connection that broke while it lay idle, PostgreSQL restarted say, is replaced unseen.
            check=ConnectionPool.check_connection,
            kwargs={"autocommit": True, "prepare_threshold": 1},
            name="log10-readers",
        )
        self._pool.open()

    @contextmanager
    def connection(self) -> Iterator[Connection[Row]]:
        """A connection for the length of the block.

        Raises:
            StoreBusyError: none is to be had, or PostgreSQL does not answer.
            StoreClosedError: the store is shut.
        """
        with translate_errors(), self._pool.connection() as connection:
            yield connection

    def rows(self, statement: bytes, values: dict[str, Any]) -> list[Row]:
        """All rows of one question. None for a text with NUL or half a character, which no row holds."""
        with self.connection() as connection:
            return fetch_rows(connection, statement, values)

    def row(self, statement: bytes, values: dict[str, Any]) -> Row | None:
        """The first row, or None."""
        return next(iter(self.rows(statement, values)), None)

    @contextmanager
    def snapshot(self) -> Iterator[Connection[Row]]:
        """A connection whose questions all see one moment."""
        with self.connection() as connection, connection.transaction():
            yield connection

    @contextmanager
    def connection_with_timeout(self, timeout_s: float) -> Iterator[Connection[Row]]:
        """A connection whose statements take ``timeout_s`` seconds at most.

        Raises:
            TimeoutError: one of them took longer.
        """
        with self.connection() as connection:
            limit_time(connection, timeout_s)
            try:
                yield connection
            except psycopg.errors.QueryCanceled:
                raise TimeoutError from None
            finally:
                if not connection.closed:
                    limit_time(connection, READ_TIMEOUT_S)

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def _configure(self, connection: Connection[Row]) -> None:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        _set(connection, _READER_SETTINGS, is_local=False)
        limit_time(connection, READ_TIMEOUT_S)


def fetch_rows(connection: Connection[Row], statement: bytes, values: dict[str, Any]) -> list[Row]:
    """All rows of one question. None for a text with NUL or half a character, which no row holds."""
    try:
        return connection.execute(statement, values, binary=True).fetchall()
    except UnicodeEncodeError:
        return []
    except psycopg.DataError as error:
        if error.sqlstate is None:  # refused on this side: the value never reached PostgreSQL
            return []
        raise


def limit_time(connection: Connection[Row], timeout_s: float, *, is_local: bool = False) -> None:
    """Let PostgreSQL cancel the connection's statements after so many seconds.

    With ``is_local`` until the transaction ends.
    """
    timeout_ms = max(round(timeout_s * 1000), 1)  # zero would mean never
    _set(connection, {"statement_timeout": str(timeout_ms)}, is_local=is_local)


@contextmanager
def with_settings(connection: Connection[Row], **settings: str) -> Iterator[None]:
    """Change settings of a reader's connection for the block, which is a transaction or a part of one."""
    is_part = connection.info.transaction_status != TransactionStatus.IDLE
    with connection.transaction():
        _set(connection, settings, is_local=True)
        yield
        if is_part:  # rolled back instead, psycopg would forget all statements that it has prepared
            _set(connection, {name: _READER_SETTINGS[name] for name in settings}, is_local=True)


def _set(connection: Connection[Row], settings: Mapping[str, str], *, is_local: bool) -> None:
    changes = ", ".join(["set_config(%s, %s, %s)"] * len(settings))
    values = [value for name, setting in settings.items() for value in (name, setting, is_local)]
    connection.execute(f"SELECT {changes}", values)
