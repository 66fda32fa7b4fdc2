"""Reading: a few read-only connections, each used by one thread at a time, each read one snapshot."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from log10_trace.server.store.errors import StoreBusyError, StoreClosedError
from log10_trace.server.store.sqlite.connection import connect, translated

_CONNECTIONS: Final = 4
_WAIT_S: Final = 10.0
_CACHE_KIB: Final = 4_096


class Readers:
    """A pool of connections that cannot write; opened as they are needed. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turns = threading.BoundedSemaphore(_CONNECTIONS)
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._is_closed = False

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees the database as it is now, whatever is written meanwhile.

        Raises:
            StoreBusyError: every connection was taken for ten seconds.
            StoreClosedError: the store is shut.
        """
        if not self._turns.acquire(timeout=_WAIT_S):
            raise StoreBusyError
        try:
            with translated():
                connection = self._take()
                try:
                    connection.execute("BEGIN")
                    yield connection
                finally:
                    connection.rollback()
                    self._give_back(connection)
        finally:
            self._turns.release()

    def close(self) -> None:
        """Close what is idle now, and what is in use when it comes back."""
        self._is_closed = True
        while not self._idle.empty():
            self._idle.get().close()

    def _take(self) -> sqlite3.Connection:
        if self._is_closed:
            raise StoreClosedError
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            connection = connect(self._path, can_write=False)
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB:d}")
            return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._is_closed:
            connection.close()
        else:
            self._idle.put(connection)
