"""Pool of read-only connections; each is used by one thread at a time, each read sees one snapshot.

A read has a deadline. SQLite calls the progress handler at intervals, also within one long statement.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from log10_trace.server.store.errors import StoreBusyError, StoreClosedError
from log10_trace.server.store.protocol import READ_TIMEOUT_S
from log10_trace.server.store.sqlite.connection import connect, translate_errors

CONNECTIONS: Final = 4
OWN_CONNECTIONS: Final = 2
"""Connections for what the server itself has to know: keys, health."""
_WAIT_S: Final = 10.0
_CACHE_KIB: Final = 4_096
_STEPS: Final = 20_000
"""Instructions of SQLite's machine between two looks at the clock, about a millisecond."""
_WAITS: Final = 10
"""Times as long as it may compute, a limited block may take: disks and other programs have their part."""
_TOO_SLOW: Final = f"The query timed out after {READ_TIMEOUT_S} s; narrow it."


class ReadConnection(sqlite3.Connection):
    """A connection whose statements end at a deadline."""

    deadline = float("inf")
    is_closing = False
    _cpu_deadline = float("inf")

    @contextmanager
    def spend_at_most(self, seconds: float) -> Iterator[None]:
        """End the statements of the block when its thread has computed for so long, or waited much longer.

        Processor time, so that the answer does not depend on what else the machine does.

        Raises:
            TimeoutError: the block was ended so.
        """
        before, moment = self.deadline, time.monotonic() + _WAITS * seconds
        cpu_before, cpu_moment = self._cpu_deadline, time.thread_time() + seconds
        self.deadline, self._cpu_deadline = min(before, moment), min(cpu_before, cpu_moment)
        try:
            yield
        except (sqlite3.OperationalError, StoreBusyError):
            if self.is_closing or not self.is_over() or time.monotonic() > before:
                raise
            raise TimeoutError from None
        finally:
            self.deadline, self._cpu_deadline = before, cpu_before

    def limit_time(self) -> None:
        """Heed the deadline from now on."""
        self.set_progress_handler(self.is_over, _STEPS)

    def is_over(self) -> bool:
        """Whether a statement has to end now."""
        return self.is_closing or time.monotonic() > self.deadline or time.thread_time() > self._cpu_deadline

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement, unless it is too late: a short one does not ask the progress handler."""
        if self.is_over():
            raise StoreClosedError if self.is_closing else StoreBusyError(_TOO_SLOW)
        return super().execute(*arguments)


class ReadPool:
    """A pool of connections that cannot write; opened as they are needed. Safe to use from any thread."""

    def __init__(self, path: Path, connections: int | None = None) -> None:
        self._path = path
        self._turns = threading.BoundedSemaphore(connections or CONNECTIONS)
        self._idle: queue.SimpleQueue[ReadConnection] = queue.SimpleQueue()
        self._in_use: set[ReadConnection] = set()
        self._is_closed = False

    @contextmanager
    def snapshot(self) -> Iterator[ReadConnection]:
        """A connection that sees the database as it is now, whatever is written meanwhile.

        Raises:
            StoreBusyError: every connection was taken for ten seconds, or the block takes too long.
            StoreClosedError: the store is shut.
        """
        if not self._turns.acquire(timeout=_WAIT_S):
            raise StoreBusyError
        try:
            with translate_errors():
                connection = self._take()
                try:
                    connection.execute("BEGIN")
                    yield connection
                except sqlite3.OperationalError:
                    if not connection.is_over():
                        raise
                    raise StoreClosedError if self._is_closed else StoreBusyError(_TOO_SLOW) from None
                finally:
                    connection.rollback()
                    self._give_back(connection)
        finally:
            self._turns.release()

    def close(self) -> None:
        """Close what is idle now; what is in use ends its statement and is closed when it comes back."""
        self._is_closed = True
        for connection in list(self._in_use):
            connection.is_closing = True
        while not self._idle.empty():
            self._idle.get().close()

    def _take(self) -> ReadConnection:
        if self._is_closed:
            raise StoreClosedError
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = connect(self._path, can_write=False, factory=ReadConnection)
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB:d}")
            connection.limit_time()
        connection.deadline = time.monotonic() + READ_TIMEOUT_S
        self._in_use.add(connection)
        return connection

    def _give_back(self, connection: ReadConnection) -> None:
        self._in_use.discard(connection)
        connection.deadline = float("inf")
        if self._is_closed:
            connection.close()
        else:
            self._idle.put(connection)
