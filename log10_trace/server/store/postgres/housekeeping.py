"""Work of the leader for all servers: text indexing, roll-up compaction, partitions in advance.

Every server has this thread; the one that holds the leader's lock works, the others look in now and then. The
lock lives as long as its connection, so the next one takes over when a leader dies.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

import psycopg
from psycopg import Connection

from log10_trace.domain.prices import Prices
from log10_trace.domain.times import DAY_MS
from log10_trace.guard import guard, log_rate_limited
from log10_trace.server.store.postgres.connections import Row, connect
from log10_trace.server.store.postgres.deletion import sweep_all_stacks
from log10_trace.server.store.postgres.locks import LEADER_LOCK
from log10_trace.server.store.postgres.partitioning import day_of
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.postgres.records import add_texts, lock_records, recount
from log10_trace.server.store.postgres.rollup_compaction import compact, price_some

Chore: TypeAlias = Callable[[Connection[Row]], None]

_SQL: Final = load("housekeeping.sql")
_ARRIVALS: Final = load("arrivals.sql")

_EVERY_S: Final = 0.5
_DAYS_AHEAD: Final = 3
_TEXTS_AT_ONCE: Final = 100
_REINDEX_S: Final = 0.2
"""How long one look works out words anew."""


class Housekeeper:
    """The thread. Starts at once."""

    def __init__(self, settings: str, are_writers_busy: Callable[[], bool], prices: Prices) -> None:
        self._settings = settings
        self._are_writers_busy = are_writers_busy
        self._wake = threading.Event()
        self._closing = False
        self._connection: Connection[Row] | None = None
        self._leads = False
        self._due: dict[Chore, float] = {}
        self._chores: tuple[tuple[Chore, float], ...] = (
            *_CHORES,
            (partial(compact, prices=prices), 2.0),
            (partial(price_some, prices=prices), 0.5),
        )
        self._thread = threading.Thread(target=self._run, name="log10-housekeeper", daemon=True)
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Stop, within ``timeout`` seconds; another server takes the lead."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout)

    def wake(self) -> None:
        """Look now, if this is the server that leads."""
        self._wake.set()

    def _run(self) -> None:
        while not self._closing:
            with guard("PostgreSQL housekeeping"):
                self._run_once()
            self._wake.wait(_EVERY_S)
            self._wake.clear()
        self._disconnect()

    def _run_once(self) -> None:
        try:
            if self._connection is None:
                self._connection = connect(self._settings)
            if not self._leads:
                self._leads = _acquire_leadership(self._connection)
            if self._leads:
                self._work(self._connection)
        except psycopg.OperationalError as error:
            # PostgreSQL is away, or a lock was taken: the next look finds out which.
            log_rate_limited("log10_trace: housekeeping waits for PostgreSQL (%s)", type(error).__name__)
            self._disconnect()

    def _work(self, connection: Connection[Row]) -> None:
        """Index until nothing waits, with the other chores in between."""
        has_more = True
        while has_more and not self._closing:
            began = time.monotonic()
            has_more = index_texts(connection)
            for chore, every_s in self._chores:
                if time.monotonic() >= self._due.get(chore, 0.0):
                    self._due[chore] = time.monotonic() + every_s
                    chore(connection)
            if has_more and self._are_writers_busy():
                # Indexing can wait and senders cannot: half of the time is theirs.
                self._wake.wait(time.monotonic() - began)

    def _disconnect(self) -> None:
        self._leads = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _acquire_leadership(connection: Connection[Row]) -> bool:
    row = connection.execute(_SQL["lead"], {"lock": LEADER_LOCK}).fetchone()
    return bool(row and row[0])


def index_texts(connection: Connection[Row], limit: int = _TEXTS_AT_ONCE) -> bool:
    """Make some of the waiting texts findable; whether there may be more."""
    try:
        row = connection.execute(_SQL["index"], {"limit": limit}).fetchone()
    except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded):
        if limit > 1:
            return all(index_texts(connection, 1) for _ in range(limit))
        connection.execute(_SQL["skip"])
        return True
    return bool(row and row[0] >= limit)


def reindex_records(connection: Connection[Row]) -> None:
    """Hand the words of some of the records that wait for it to the indexer, as they are spelled now."""
    until = time.monotonic() + _REINDEX_S
    has_more = True
    while has_more and time.monotonic() < until:
        with connection.transaction():
            rows = connection.execute(_SQL["take_records"], {"limit": _TEXTS_AT_ONCE}).fetchall()
            for row in rows:
                # One that cannot be read keeps the words that it has.
                with guard("reindexing a record"), connection.transaction():
                    found = lock_records(connection, [(row[0], row[1], row[2])])
                    add_texts(connection, [(row[0], row[1], row[2], *one.searched) for one in found.values()])
        has_more = len(rows) == _TEXTS_AT_ONCE


def recount_records(connection: Connection[Row]) -> None:
    """Count some of the records anew that an earlier version counted by other rules."""
    until = time.monotonic() + _REINDEX_S
    has_more = True
    while has_more and time.monotonic() < until:
        with connection.transaction():
            rows = connection.execute(_SQL["take_counts"], {"limit": _TEXTS_AT_ONCE}).fetchall()
            if rows:  # to plan the question for none of them takes longer than the answer
                _recount_each(connection, [(row[0], row[1], row[2]) for row in rows])
        has_more = len(rows) == _TEXTS_AT_ONCE


def _recount_each(connection: Connection[Row], wanted: Sequence[tuple[str, str, int]]) -> None:
    """Count records anew together; where one cannot be read, one by one, and it stays as it was counted."""
    try:
        with connection.transaction():
            recount(connection, wanted)
    except psycopg.OperationalError:
        raise
    except Exception:  # noqa: BLE001 -- whatever a record of an earlier version does
        for one in wanted:
            with guard("counting a record anew"), connection.transaction():
                recount(connection, [one])


def create_partitions(connection: Connection[Row]) -> None:
    """Make the partitions of today and the next days."""
    today = day_of(time.time_ns() // 1_000_000)
    for day in range(_DAYS_AHEAD + 1):
        with connection.transaction():
            connection.execute(_SQL["limit_locks"])
            connection.execute(_SQL["add_day"], {"first_ms": today + day * DAY_MS})


def _join_arrivals(connection: Connection[Row]) -> None:
    connection.execute(_ARRIVALS["join"])


def _merge_words(connection: Connection[Row]) -> None:
    connection.execute(_SQL["merge_words"])


def _vacuum(connection: Connection[Row]) -> None:
    """Tables that are filled and emptied all day stay as small as what is in them."""
    connection.execute(b"VACUUM waiting_texts, rollup_deltas, arrivals")


_CHORES: Final[tuple[tuple[Chore, float], ...]] = (
    (reindex_records, 0.5),
    (recount_records, 0.5),
    (create_partitions, 600.0),
    (_join_arrivals, 10.0),
    (_merge_words, 10.0),
    (_vacuum, 15.0),
    (sweep_all_stacks, 86_400.0),
)
"""What else is done, and how many seconds apart."""
