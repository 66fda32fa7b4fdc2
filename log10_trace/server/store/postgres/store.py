"""The store on PostgreSQL, put together: a writer, two threads for what is slower, readers, a housekeeper."""

from __future__ import annotations

import time

from log10_trace.server.store.answers import Outcome
from log10_trace.server.store.postgres.completions import PostgresCompletions
from log10_trace.server.store.postgres.connections import OWN_READERS, Readers, first_connection, settings
from log10_trace.server.store.postgres.drafts import Put
from log10_trace.server.store.postgres.grading import PostgresGrading
from log10_trace.server.store.postgres.housekeeping import Housekeeper
from log10_trace.server.store.postgres.keys import PostgresKeys
from log10_trace.server.store.postgres.migrations import migrate
from log10_trace.server.store.postgres.records import Writing
from log10_trace.server.store.postgres.reports import PostgresReports
from log10_trace.server.store.postgres.sessions import PostgresSessions
from log10_trace.server.store.postgres.tasks import Tasks
from log10_trace.server.store.postgres.upkeep import PostgresUpkeep
from log10_trace.server.store.postgres.worker import Worker
from log10_trace.server.store.prices import Prices


class PostgresStore:
    """Completions in a PostgreSQL database; see ``protocol.Store``. Any number may be open on one database.

    Raises:
        SetupError: the database cannot be reached, refuses, or was written by a newer version.
    """

    def __init__(self, url: str, *, prices: Prices) -> None:
        address = settings(url)
        with first_connection(address) as connection:
            migrate(connection)
        self._readers = Readers(address)
        self._own_readers = Readers(address, OWN_READERS)
        self._writer: Worker[Put, Outcome] = Worker("log10-writer", address, Writing().write)
        self._tasks = Tasks("log10-tasks", address)
        self._sweeper = Tasks("log10-sweeper", address)
        self._housekeeper = Housekeeper(address, lambda: self._writer.waiting > 0)
        self.grading = PostgresGrading(self._readers, self._own_readers, self._tasks)
        self.completions = PostgresCompletions(self._readers, self._writer, self._sweeper, self.grading)
        self.sessions = PostgresSessions(self._readers, self._tasks, self.completions, prices)
        self.reports = PostgresReports(self._readers, prices)
        self.keys = PostgresKeys(self._own_readers, self._tasks)
        self.upkeep = PostgresUpkeep(self._own_readers, self._sweeper, self._housekeeper, self._waiting)

    def close(self, timeout: float = 10.0) -> None:
        """Commit what was accepted, then shut. Seconds; called again it does nothing."""
        deadline = time.monotonic() + timeout
        for part in (self._writer, self._tasks, self._sweeper, self._housekeeper):
            part.close(max(deadline - time.monotonic(), 0.0))
        self._readers.close()
        self._own_readers.close()

    def _waiting(self) -> int:
        return self._writer.waiting + self._tasks.waiting + self._sweeper.waiting
