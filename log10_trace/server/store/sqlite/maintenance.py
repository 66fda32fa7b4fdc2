"""``Maintenance`` on SQLite."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import Future
from functools import partial

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.common.deletions import DAYS_REMEMBERED
from log10_trace.server.store.common.paging import LAST
from log10_trace.server.store.common.pruning import MAX_ROUNDS, count_to_prune
from log10_trace.server.store.data_types import Health, PruneReport, StoreDescription
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.deletion import BackgroundDeleter
from log10_trace.server.store.sqlite.index_readiness import ensure_indexed
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.writer import Writer


class SqliteMaintenance:
    """Maintenance of the database: health, pruning, space."""

    def __init__(self, writer: Writer, readers: ReadPool, deleter: BackgroundDeleter) -> None:
        self._writer = writer
        self._readers = readers
        self._deleter = deleter

    def prune(self, *, before_ms: int | None = None, max_bytes: int | None = None) -> Future[PruneReport]:
        """Delete what is too old, then the oldest until the database fits."""
        return self._deleter.start_cleansing(partial(self._prune, before_ms, max_bytes))

    def wait_until_searchable(self, timeout: float = 30.0) -> bool:
        """Have the words of all that is committed indexed now."""
        return ensure_indexed(self._writer, self._readers, timeout, with_older=True)

    def health(self) -> Health:
        """Ask the database something."""
        return Health(kind="sqlite", bytes=self._bytes(), waiting=self._writer.waiting)

    def describe(self) -> StoreDescription:
        """Which database this is."""
        with self._readers.snapshot() as connection:
            schema = _pragma(connection, "user_version")
        return StoreDescription(kind="sqlite", version=sqlite3.sqlite_version, schema=schema)

    def _prune(self, before_ms: int | None, max_bytes: int | None) -> PruneReport:
        bytes_before = self._bytes()
        deleted = 0
        self._deleter.forget_deletions(time.time_ns() // 1_000_000 // DAY_MS - DAYS_REMEMBERED)
        if before_ms is not None:
            deleted += self._deleter.delete(
                partial(_oldest, before=SORT_KEYS.first_of(before_ms)), is_pruned=True
            )
            self._writer.submit(partial(_delete_old_sessions, before_ms=before_ms)).result()
            self._deleter.purge_deleted()
        if max_bytes is not None:
            deleted += self._shrink(max_bytes)
        return PruneReport(completions=deleted, bytes_before=bytes_before, bytes_after=self._bytes())

    def _shrink(self, max_bytes: int) -> int:
        """Delete the oldest until the database fits; how many."""
        deleted = 0
        for _ in range(MAX_ROUNDS):
            too_many = count_to_prune(self._records(), self._bytes(), max_bytes)
            if not too_many:
                break
            deleted += self._deleter.delete(partial(_oldest, before=LAST), most=too_many, is_pruned=True)
            self._deleter.purge_deleted()
        return deleted

    def _bytes(self) -> int:
        """The room in use."""
        with self._readers.snapshot() as connection:
            pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
            return pages * _pragma(connection, "page_size")

    def _records(self) -> int:
        with self._readers.snapshot() as connection:
            count: int = connection.execute(SQL["count_all"]).fetchone()["calls"]
            return count


def _oldest(transaction: Transaction, limit: int, *, before: int) -> list[int]:
    rows = transaction.execute("oldest", {"before": before, "limit": limit})
    return [row["position"] for row in rows]


def _delete_old_sessions(transaction: Transaction, *, before_ms: int) -> None:
    transaction.execute("delete_old_sessions", {"before_ms": before_ms})


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
