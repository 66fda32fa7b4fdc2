"""The database's own business."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from log10_trace.server.store.answers import Health, PruneReport
from log10_trace.server.store.postgres.connections import Readers
from log10_trace.server.store.postgres.pruning import SQL, prune
from log10_trace.server.store.postgres.tasks import Tasks


class PostgresUpkeep:
    """Pruning and health; see ``protocol.Upkeep``."""

    def __init__(self, readers: Readers, sweeper: Tasks, waiting: Callable[[], int]) -> None:
        self._readers = readers
        self._sweeper = sweeper
        self._waiting = waiting

    def prune(self, *, before_ms: int | None = None, max_bytes: int | None = None) -> Future[PruneReport]:
        """Delete what is too old, then the oldest until the database fits."""
        return self._sweeper.run_in_steps(lambda connection: prune(connection, before_ms, max_bytes))

    def health(self) -> Health:
        """Ask the database something."""
        row = self._readers.row(SQL["bytes"], {})
        return Health(kind="postgresql", bytes=row[0] if row else 0, waiting=self._waiting())
