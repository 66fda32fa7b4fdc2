"""Connections to the database file, and what SQLite's complaints mean. No tables here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

from log10_trace.server.store.errors import StoreBusyError, StoreError, StoreFullError
from log10_trace.server.store.named_sql import read_blocks
from log10_trace.server.store.tallies import Tally, read_durations

SQL: Final = read_blocks((resources.files(__package__) / "sql" / "queries.sql").read_text(encoding="utf-8"))
BUSY_TIMEOUT_S: Final = 5.0
_FULL: Final = (13,)  # SQLITE_FULL
_BUSY: Final = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED
_PRIMARY_CODE: Final = 0xFF


def connect(path: Path, *, can_write: bool) -> sqlite3.Connection:
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
    )
    connection.row_factory = sqlite3.Row
    if can_write:
        connection.create_function("sum_durations", 2, _sum_durations, deterministic=True)
    return connection


@contextmanager
def translated() -> Iterator[None]:
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
    return StoreError(f"The database refused: {error}.")


def _sum_durations(one: str, other: str) -> str:
    total = Tally(durations=read_durations(one))
    total.add(Tally(durations=read_durations(other)))
    return total.durations_json()
