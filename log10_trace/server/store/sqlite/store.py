"""The store on SQLite, for one process and any number of its threads."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from log10_trace.domain.prices import Prices
from log10_trace.guard import guard
from log10_trace.server.store.sqlite.changes import SqliteChanges
from log10_trace.server.store.sqlite.completions import SqliteCompletions
from log10_trace.server.store.sqlite.deletion import BackgroundDeleter
from log10_trace.server.store.sqlite.feedback import SqliteFeedbackStore
from log10_trace.server.store.sqlite.grading_queue import SqliteGradingQueue
from log10_trace.server.store.sqlite.index_levels import squeeze
from log10_trace.server.store.sqlite.keys import SqliteKeys
from log10_trace.server.store.sqlite.maintenance import SqliteMaintenance
from log10_trace.server.store.sqlite.readers import OWN_CONNECTIONS, ReadPool
from log10_trace.server.store.sqlite.reports import SqliteReports
from log10_trace.server.store.sqlite.schema import check_is_made, open_database
from log10_trace.server.store.sqlite.sessions import SqliteSessions
from log10_trace.server.store.sqlite.transfer import SqliteTransfer
from log10_trace.server.store.sqlite.writer import Writer

_SETTINGS: Final = (
    "PRAGMA synchronous = FULL",  # a commit is durable before it is acknowledged
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten
    "PRAGMA wal_autocheckpoint = 2000",  # pages: fewer and longer checkpoints, 16 MB of log
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -16384",  # KiB
    "PRAGMA temp_store = MEMORY",
)


class SqliteStore:
    """A database file. A second process may use it at the same time; each waits for the other's commits."""

    def __init__(self, path: Path, *, prices: Prices, must_exist: bool = False) -> None:
        """Open the file, or make it unless it ``must_exist``.

        Raises:
            SetupError: it cannot be used.
        """
        if must_exist:
            check_is_made(path)
        connection = open_database(path)
        for setting in _SETTINGS:
            connection.execute(setting)
        with guard("reading the levels of the text index"):  # an earlier version left any number
            squeeze(path)
        self.changes = SqliteChanges()
        self._writer = Writer(connection, self.changes.listeners, prices)
        self._readers = ReadPool(path)
        self._own_readers = ReadPool(path, OWN_CONNECTIONS)
        self._deleter = BackgroundDeleter(self._writer, path)
        self.completions = SqliteCompletions(self._writer, self._readers, self._deleter)
        self.sessions = SqliteSessions(self._writer, self._readers, self.completions, prices)
        self.reports = SqliteReports(self._readers, prices)
        self.feedback = SqliteFeedbackStore(self._writer, self._readers, self._own_readers)
        self.grading_queue = SqliteGradingQueue(self._writer, self._readers)
        self.keys = SqliteKeys(self._writer, self._own_readers)
        self.maintenance = SqliteMaintenance(self._writer, self._own_readers, self._deleter)
        self.transfer = SqliteTransfer(path, self._writer, self._readers)
        self._deleter.start_cleansing(self._deleter.purge_deleted)  # what an earlier process left to do

    def close(self, timeout: float = 10.0) -> None:
        """Commit what was accepted, then shut."""
        self._deleter.close()
        self._readers.close()
        self._own_readers.close()
        self._writer.close(timeout)  # last, because the last writing connection puts the log away
