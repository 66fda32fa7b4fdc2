"""Writing: one thread, one connection, many writes a commit.

A job is a function of the open transaction. The thread takes every job that waits (up to a bound), runs them
in one transaction, commits, and only then resolves their futures. If one fails, the transaction is rolled
back and each job gets one of its own, so a bad job fails alone.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

from log10_trace.guard import guard
from log10_trace.server.store.errors import StoreBusyError, StoreClosedError
from log10_trace.server.store.sqlite.connection import translate
from log10_trace.server.store.sqlite.text_index import index_many, index_some
from log10_trace.server.store.sqlite.transaction import LookupKey, Transaction

T = TypeVar("T")

GROUP_JOBS: Final = 500
GROUP_BYTES: Final = 16 * 1024 * 1024
IDLE_S: Final = 0.2
"""Seconds without a job after which is done what was put off."""
WAITING_JOBS: Final = 20_000
WAITING_BYTES: Final = 128 * 1024 * 1024


@dataclass(slots=True)
class WriteJob(Generic[T]):
    """A write that waits, where its result goes, and which record it is known to look for."""

    run: Callable[[Transaction], T]
    size: int
    future: Future[T]
    wanted: LookupKey | None = None


class Writer:
    """The one that writes. Safe to use from any thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._transaction = Transaction(connection)
        self._waiting: deque[WriteJob[Any]] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="log10-trace-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs accepted and not yet begun."""
        return len(self._waiting)

    def submit(
        self, run: Callable[[Transaction], T], *, size: int = 0, bypass_limit: bool = False
    ) -> Future[T]:
        """Have ``run`` called in a transaction; the future is resolved after the commit.

        ``size`` is about the bytes that the job keeps in memory. With ``bypass_limit`` a job continues
        one that was accepted before, and is taken however many wait.

        Raises:
            StoreBusyError: too much waits already.
            StoreClosedError: the store is shut.
        """
        job = WriteJob(run, size, Future())
        self._accept([job], bypass_limit=bypass_limit)
        return job.future

    def submit_all(self, jobs: Sequence[WriteJob[T]]) -> list[Future[T]]:
        """Take jobs side by side, so that they share commits; their futures. Raises as ``submit`` does."""
        self._accept(jobs, bypass_limit=False)
        return [job.future for job in jobs]

    def _accept(self, jobs: Sequence[WriteJob[Any]], *, bypass_limit: bool) -> None:
        size = sum(job.size for job in jobs)
        with self._changed:
            if self._is_closing:
                raise StoreClosedError
            is_full = len(self._waiting) >= WAITING_JOBS or self._waiting_bytes + size > WAITING_BYTES
            if is_full and self._waiting and not bypass_limit:
                raise StoreBusyError
            self._waiting.extend(jobs)
            self._waiting_bytes += size
            self._changed.notify()

    def close(self, timeout: float) -> None:
        """Commit what was accepted, within ``timeout`` seconds, then close the connection."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(timeout)

    def _work(self) -> None:
        while self._wait():
            if group := self._take():
                self._commit([job for job in group if job.future.set_running_or_notify_cancel()])
            else:
                self._run_deferred_work()
        self._run_deferred_work()
        self._transaction.close()

    def _wait(self) -> bool:
        """Wait for jobs, or a while if something was put off; False when the store is shut."""
        with self._changed:
            while not self._waiting and not self._is_closing:
                if not self._changed.wait(None if self._transaction.has_no_deferred_work else IDLE_S):
                    return True
            return bool(self._waiting)

    def _take(self) -> list[WriteJob[Any]]:
        """The jobs of the next commit."""
        with self._changed:
            group: list[WriteJob[Any]] = []
            size = 0
            while self._waiting and len(group) < GROUP_JOBS and size < GROUP_BYTES:
                group.append(self._waiting.popleft())
                size += group[-1].size
            self._waiting_bytes -= size
            return group

    def _commit(self, jobs: list[WriteJob[Any]]) -> None:
        try:
            wanted = [job.wanted for job in jobs if job.wanted]
            runs: list[Callable[[Transaction], Any]] = [job.run for job in jobs]
            if at_once := self._transaction.unindexed.due_batch_size(len(jobs)):
                runs.append(partial(index_many, at_once=at_once))
            results = self._transaction.run(runs, wanted)
        except Exception as error:  # noqa: BLE001 -- the worker's border: every fault goes to its future
            self._fail(jobs, error)
            return
        for job, result in zip(jobs, results, strict=False):  # indexing has no result
            job.future.set_result(result)

    def _run_deferred_work(self) -> None:
        """Do what was put off until there is nothing else to do; what cannot be done now goes on waiting."""
        with guard("indexing words and folding roll-ups"):
            while self._transaction.run([index_some])[0] and not (self._waiting or self._is_closing):
                pass
            while not (self._transaction.has_no_deferred_work or self._waiting or self._is_closing):
                self._transaction.run([Transaction.fold_some])

    def _fail(self, jobs: list[WriteJob[Any]], error: Exception) -> None:
        if isinstance(error, sqlite3.Error):
            error = translate(error)
        if len(jobs) > 1 and not isinstance(error, StoreBusyError):
            for job in jobs:
                self._commit([job])
            return
        for job in jobs:
            job.future.set_exception(error)
