"""Maintenance of the database: health, pruning, space."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from log10_trace.server.store.data_types import Health, PruneReport, StoreDescription
from log10_trace.server.store.postgres.connections import ReadPool
from log10_trace.server.store.postgres.executor import SerialExecutor
from log10_trace.server.store.postgres.housekeeping import Housekeeper
from log10_trace.server.store.postgres.pruning import SQL, prune
from log10_trace.server.store.postgres.queries import load

_WAITING: Final = load("housekeeping.sql")["waiting"]
_DESCRIPTION: Final = load("housekeeping.sql")["description"]
_LOOK_EVERY_S: Final = 0.01


class PostgresMaintenance:
    """Pruning and health; see ``protocol.Maintenance``."""

    def __init__(
        self, readers: ReadPool, deleter: SerialExecutor, housekeeper: Housekeeper, waiting: Callable[[], int]
    ) -> None:
        self._readers = readers
        self._deleter = deleter
        self._housekeeper = housekeeper
        self._pause = threading.Event()  # never set: a pause that is no sleep
        self._waiting = waiting

    def prune(self, *, before_ms: int | None = None, max_bytes: int | None = None) -> Future[PruneReport]:
        """Delete what is too old, then the oldest until the database fits."""
        return self._deleter.run_without_transaction(
            lambda connection: prune(connection, before_ms, max_bytes)
        )

    def wait_until_searchable(self, timeout: float = 30.0) -> bool:
        """Wait for the indexer, whichever server it runs in."""
        give_up = time.monotonic() + timeout
        while time.monotonic() < give_up:
            row = self._readers.row(_WAITING, {})
            if row == (False,):
                return True
            self._housekeeper.wake()
            self._pause.wait(_LOOK_EVERY_S)
        return False

    def health(self) -> Health:
        """Ask the database something."""
        row = self._readers.row(SQL["bytes"], {})
        return Health(kind="postgresql", bytes=row[0] if row else 0, waiting=self._waiting())

    def describe(self) -> StoreDescription:
        """Which database this is."""
        version, schema = self._readers.row(_DESCRIPTION, {}) or ("", 0)
        return StoreDescription(kind="postgresql", version=version.partition(" ")[0], schema=schema)
