"""Connections to the database file, and the translation of SQLite's errors to store errors."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar, overload

from log10_trace.server.store.common.named_sql import read_blocks
from log10_trace.server.store.errors import StoreBusyError, StoreError, StoreFullError

SQL: Final = read_blocks((resources.files(__package__) / "sql" / "queries.sql").read_text(encoding="utf-8"))
BUSY_TIMEOUT_S: Final = 5.0
_ROWS_AT_ONCE: Final = (64, 16, *range(15, 1, -1))
_ONE_ROW: Final = re.compile(r"VALUES (\([?, ]+\))")
_FULL: Final = (13,)  # SQLITE_FULL
_BUSY: Final = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED
_PRIMARY_CODE: Final = 0xFF


Connection = TypeVar("Connection", bound=sqlite3.Connection)


@overload
def connect(path: Path, *, can_write: bool) -> sqlite3.Connection: ...
@overload
def connect(path: Path, *, can_write: bool, factory: type[Connection]) -> Connection: ...
def connect(path: Path, *, can_write: bool, factory: Any = sqlite3.Connection) -> Any:
    """A connection in autocommit mode that any one thread at a time may use.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    mode = "rw" if can_write else "ro"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        factory=factory,
    )
    connection.row_factory = sqlite3.Row
    return connection


def insert_rows(
    connection: sqlite3.Connection,
    name: str,
    rows: Sequence[Sequence[Any]],
    *,
    at_once: Sequence[int] = _ROWS_AT_ONCE,
) -> None:
    """Run a named INSERT for many rows, in few statements: of as many rows ``at_once`` as there are.

    Every statement gives up the interpreter lock and queues for it again, which under load is what costs
    most; so the one row that the file spells out stands many times in the text.
    """
    at = 0
    for count in at_once:
        while len(rows) - at >= count:
            chunk = rows[at : at + count]
            connection.execute(_of_many(name, count), [value for row in chunk for value in row])
            at += count
    connection.executemany(SQL[name], rows[at:])


@cache
def _of_many(name: str, count: int) -> str:
    return _ONE_ROW.sub(lambda row: f"VALUES {', '.join([row.group(1)] * count)}", SQL[name])


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn SQLite's errors into the store's. Their text is SQLite's own and quotes no value."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error) from error


def translate(error: sqlite3.Error) -> StoreError:
    """The store's error for SQLite's."""
    # Python 3.10 gives no codes; there, the two texts are all there is to go by.
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code in _FULL or "disk is full" in str(error):
        return StoreFullError()
    if code in _BUSY or "is locked" in str(error):
        return StoreBusyError()
    return StoreError(f"Database error: {error}.")
