"""The store on PostgreSQL: a writer thread, two threads for slower writes, readers, housekeeping."""

from __future__ import annotations

import time

from log10_trace.domain.prices import Prices
from log10_trace.server.store.data_types import WriteResult
from log10_trace.server.store.postgres.changes import PostgresChanges
from log10_trace.server.store.postgres.completions import PostgresCompletions
from log10_trace.server.store.postgres.connections import OWN_READERS, ReadPool, first_connection, settings
from log10_trace.server.store.postgres.executor import SerialExecutor
from log10_trace.server.store.postgres.feedback import PostgresFeedbackStore
from log10_trace.server.store.postgres.grading_queue import PostgresGradingQueue
from log10_trace.server.store.postgres.group_commit import GroupCommitWriter
from log10_trace.server.store.postgres.housekeeping import Housekeeper
from log10_trace.server.store.postgres.keys import PostgresKeys
from log10_trace.server.store.postgres.maintenance import PostgresMaintenance
from log10_trace.server.store.postgres.migrations import check_is_made, migrate
from log10_trace.server.store.postgres.prepared_records import WriteRequest
from log10_trace.server.store.postgres.records import RecordWriter
from log10_trace.server.store.postgres.reports import PostgresReports
from log10_trace.server.store.postgres.sessions import PostgresSessions
from log10_trace.server.store.postgres.transfer import PostgresTransfer


class PostgresStore:
    """Completions in a PostgreSQL database; see ``protocol.Store``. Any number may be open on one database.

    Raises:
        SetupError: the database cannot be reached, refuses, or was written by a newer version; or it has no
            schema of ours and ``must_exist``.
    """

    def __init__(self, url: str, *, prices: Prices, must_exist: bool = False) -> None:
        address = settings(url)
        with first_connection(address) as connection:
            if must_exist:
                check_is_made(connection)
            migrate(connection)
        self._readers = ReadPool(address)
        self._own_readers = ReadPool(address, OWN_READERS)
        self._writer: GroupCommitWriter[WriteRequest, WriteResult] = GroupCommitWriter(
            "log10-writer", address, RecordWriter().write
        )
        self.changes = PostgresChanges(address)
        self._tasks = SerialExecutor("log10-tasks", address)
        self._deleter = SerialExecutor("log10-sweeper", address)
        self._housekeeper = Housekeeper(address, lambda: self._writer.waiting > 0, prices)
        self.feedback = PostgresFeedbackStore(self._readers, self._own_readers, self._tasks)
        self.completions = PostgresCompletions(self._readers, self._writer, self._deleter, self.feedback)
        self.sessions = PostgresSessions(self._readers, self._tasks, self.completions, prices)
        self.reports = PostgresReports(self._readers, prices)
        self.grading_queue = PostgresGradingQueue(self._readers, self._tasks)
        self.keys = PostgresKeys(self._own_readers, self._tasks)
        self.transfer = PostgresTransfer(self._readers, self._writer, self._tasks)
        self.maintenance = PostgresMaintenance(
            self._own_readers, self._deleter, self._housekeeper, self._waiting
        )

    def close(self, timeout: float = 10.0) -> None:
        """Commit what was accepted, then shut. Seconds; called again it does nothing."""
        deadline = time.monotonic() + timeout
        for part in (self._writer, self._tasks, self._deleter, self._housekeeper, self.changes):
            part.close(max(deadline - time.monotonic(), 0.0))
        self._readers.close()
        self._own_readers.close()

    def _waiting(self) -> int:
        return self._writer.waiting + self._tasks.waiting + self._deleter.waiting
