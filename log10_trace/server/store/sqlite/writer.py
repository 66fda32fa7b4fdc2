"""The writing thread of SQLite: one connection, and many jobs per transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

from log10_trace.domain.prices import Prices
from log10_trace.guard import guard
from log10_trace.server.store.common.changes import ChangeListeners
from log10_trace.server.store.common.group_commit import CommitFailure, GroupCommitThread
from log10_trace.server.store.errors import StoreBusyError
from log10_trace.server.store.sqlite.connection import translate
from log10_trace.server.store.sqlite.recounting import STEPS, recount_some
from log10_trace.server.store.sqlite.text_index import index_many, index_older, index_some
from log10_trace.server.store.sqlite.transaction import LookupKey, Transaction

T = TypeVar("T")

_OLDER_EVERY_S: Final = 1.0
_OLDER_BATCH: Final = 32
"""How often, and how many, older records are indexed in the commits of a server that is never idle."""


@dataclass(frozen=True, slots=True)
class WriteJob(Generic[T]):
    """A function of the open transaction, and what is known of it before it runs."""

    run: Callable[[Transaction], T]
    size: int = 0
    """About the bytes that it keeps in memory."""
    lookup: LookupKey | None = None
    """The record that it will look for."""


class Writer:
    """Runs jobs in transactions; see ``GroupCommitThread``. Safe to use from any thread."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        listeners: ChangeListeners | None = None,
        prices: Prices | None = None,
    ) -> None:
        self._transaction = Transaction(connection, listeners, prices)
        self._thread: GroupCommitThread[WriteJob[Any], Any] = GroupCommitThread(
            "log10-trace-writer", _TransactionCommitter(self._transaction)
        )

    @property
    def waiting(self) -> int:
        """Jobs accepted and not yet committed."""
        return self._thread.waiting

    def submit(self, run: Callable[[Transaction], T], *, bypass_limit: bool = False) -> Future[T]:
        """Have ``run`` called in a transaction; the future is resolved after the commit.

        With ``bypass_limit`` a job continues one that was accepted before, and is taken however many wait.
        """
        (future,) = self._thread.submit([WriteJob(run)], bypass_limit=bypass_limit)
        return future

    def submit_all(self, jobs: Sequence[WriteJob[T]]) -> list[Future[T]]:
        """Take jobs side by side, so that they share commits; their futures."""
        return self._thread.submit(jobs, lambda job: job.size)

    def close(self, timeout: float) -> None:
        """Commit what was accepted, within ``timeout`` seconds, then close the connection."""
        self._thread.close(timeout)


class _TransactionCommitter:
    """Commits jobs in one transaction each time, and indexes words in others, when enough of them wait."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._commit_size = 0
        self._older_due = 0.0

    def commit(self, requests: Sequence[WriteJob[Any]]) -> Sequence[Any]:
        """Run the jobs in one transaction; their results."""
        self._commit_size = len(requests)
        lookups = [job.lookup for job in requests if job.lookup]
        return self._transaction.run([job.run for job in requests], lookups)

    def run_due_work(self) -> None:
        """Index words, where as many wait as go together; requests are read meanwhile, but not committed.

        While the words that wait take much memory, nothing is committed that would add to them.
        """
        self._index_due()
        unindexed = self._transaction.unindexed
        left = unindexed.count + 1
        while unindexed.is_large and unindexed.count < left:
            left = unindexed.count
            self._index_due()

    def _index_due(self) -> None:
        runs: list[Callable[[Transaction], Any]] = []
        if at_once := self._transaction.unindexed.due_batch_size(self._commit_size):
            runs.append(partial(index_many, at_once=at_once))
        if self._transaction.has_older_unindexed and time.monotonic() >= self._older_due:
            self._older_due = time.monotonic() + _OLDER_EVERY_S
            runs.append(partial(index_older, at_once=_OLDER_BATCH))
        if runs:
            with guard("indexing words"):
                self._transaction.run(runs)

    def explain(self, error: Exception) -> CommitFailure | None:
        """An error of SQLite's; a locked database would meet every job alike."""
        if not isinstance(error, sqlite3.Error):
            return None
        failure = translate(error)
        return CommitFailure(failure, affects_all=isinstance(failure, StoreBusyError))

    @property
    def has_deferred_work(self) -> bool:
        """Whether words wait for the index, records or deltas for the roll-ups, or these for a price."""
        return not self._transaction.has_no_deferred_work

    def run_deferred_work(self, is_interrupted: Callable[[], bool]) -> None:
        """Index words, count records anew, compact and price roll-ups; what cannot be done now waits on."""
        with guard("indexing words and folding roll-ups"):
            while self._transaction.run([index_some])[0] and not is_interrupted():
                pass
            for _ in range(STEPS):  # the next ones come after a pause
                if self._transaction.has_uncounted and not is_interrupted():
                    self._transaction.run([recount_some])
            while self._transaction.has_deltas and not is_interrupted():
                self._transaction.run([Transaction.fold_some])
            while self._transaction.has_unpriced and not is_interrupted():
                self._transaction.run([Transaction.price_some])

    def close(self) -> None:
        """Close the connection."""
        self._transaction.close()
