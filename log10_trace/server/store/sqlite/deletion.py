"""Background deletion and index purging: in small steps, between which other writes get through."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from log10_trace.guard import guard
from log10_trace.server.store.errors import StoreClosedError
from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.cleansing import cleanse, has_chores, has_untaken_chore
from log10_trace.server.store.sqlite.connection import connect, translate_errors
from log10_trace.server.store.sqlite.index_levels import squeeze
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.writer import Writer

T = TypeVar("T")

_DELETION_THREADS: Final = 2
_RECORDS_A_STEP: Final = 100

Find = Callable[[Transaction, int], list[int]]
"""Sort keys of records to delete, up to a limit."""


class BackgroundDeleter:
    """Threads for work of many commits; the writer's thread makes each. Safe to use from any thread."""

    def __init__(self, writer: Writer, path: Path) -> None:
        self._writer = writer
        self._path = path
        self._deletions = ThreadPoolExecutor(_DELETION_THREADS, thread_name_prefix="log10-trace-sweeper")
        self._cleansings = ThreadPoolExecutor(1, thread_name_prefix="log10-trace-cleanser")

    def start(self, work: Callable[[], T]) -> Future[T]:
        """Run ``work`` on a thread of ours; it fails with ``StoreClosedError`` when ``close`` comes first."""
        return self._start(self._deletions, work)

    def start_cleansing(self, work: Callable[[], T]) -> Future[T]:
        """The same for work that purges, which may take minutes: one at a time, apart from deletions."""
        return self._start(self._cleansings, work)

    def _start(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
        result: Future[T] = Future()
        try:
            threads.submit(_run, work, result).add_done_callback(partial(_fail_if_cancelled, result))
        except RuntimeError:
            result.set_exception(StoreClosedError())
        return result

    def delete(self, find: Find, *, most: int | None = None, is_pruned: bool = False) -> int:
        """On our thread: delete until ``find`` finds nothing, or about ``most`` are gone; how many."""

        def step(transaction: Transaction) -> int:
            found = find(transaction, _RECORDS_A_STEP)
            return sum(records.delete(transaction, position, is_pruned=is_pruned) for position in found)

        total = 0
        while most is None or total < most:
            deleted = self._writer.submit(step, bypass_limit=True).result()
            total += deleted
            if not deleted:
                break
        return total

    def forget_deletions(self, before_day: int) -> None:
        """On our thread: forget deletions that are older than any repeat of a delivery."""
        values = (before_day, _RECORDS_A_STEP * 10)
        while self._writer.submit(
            lambda transaction: transaction.execute("forget_deletions", values).rowcount, bypass_limit=True
        ).result():
            pass

    def purge_deleted(self) -> None:
        """On our thread: take deleted words out of the text index, and give free pages back to the disk.

        When it is done this is so of all that was deleted before, whoever else was at it.
        """
        if self._writer.submit(has_chores, bypass_limit=True).result():
            self._purge()

    def _purge_untaken(self) -> None:
        """On our thread: the same, but for what another thread is at."""
        if self._writer.submit(has_untaken_chore, bypass_limit=True).result():
            self._purge()

    def _purge(self) -> None:
        cleanse(lambda step: self._writer.submit(step, bypass_limit=True).result())
        with guard("reading the levels of the text index"):
            squeeze(self._path)
        self._truncate_wal()

    def _truncate_wal(self) -> None:
        """Empty the write-ahead log, where what was deleted may still stand."""
        connection = connect(self._path, can_write=True)
        with closing(connection), translate_errors():
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def purge_when_done(self, deleting: Future[Any]) -> None:
        """Cleanse when ``deleting`` has deleted something. A done-callback."""
        if deleting.cancelled() or deleting.exception() is not None or not deleting.result():
            return
        self.start_cleansing(
            self._purge_untaken
        )  # in a closed store the next process does it: the database has a note

    def close(self) -> None:
        """Take no more work; what runs ends at the step where the writer takes no more."""
        self._deletions.shutdown(wait=False, cancel_futures=True)
        self._cleansings.shutdown(wait=False, cancel_futures=True)


def _run(work: Callable[[], T], result: Future[T]) -> None:
    if not result.set_running_or_notify_cancel():
        return
    try:
        result.set_result(work())
    except BaseException as error:  # noqa: BLE001 -- the thread's border: each error goes to its future
        result.set_exception(error)


def _fail_if_cancelled(result: Future[Any], run: Future[None]) -> None:
    """Fail what ``close`` took off the queue before it ran. A done-callback."""
    if run.cancelled() and result.set_running_or_notify_cancel():
        result.set_exception(StoreClosedError())
