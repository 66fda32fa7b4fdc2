"""Group commit: one thread, one connection, many writes per transaction."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import psycopg
from psycopg import Connection

from log10_trace.errors import Log10Error
from log10_trace.guard import log_rate_limited
from log10_trace.server.store.errors import StoreBusyError, StoreClosedError, StoreError
from log10_trace.server.store.postgres.connections import Row, connect, is_connection_lost, translate_error

MOST_AT_ONCE: Final = 500
"""Jobs that share one commit."""
BYTES_AT_ONCE: Final = 16 * 1024 * 1024
"""Their size; a job that is larger has a commit of its own."""
MOST_WAITING: Final = 20_000
"""Jobs that may wait; past it the sender is told to come again."""
BYTES_WAITING: Final = 128 * 1024 * 1024
"""Their size."""

Given = TypeVar("Given")
Result = TypeVar("Result")
Work = Callable[[Connection[Row], Sequence[Given]], Sequence[Result]]


@dataclass(slots=True, eq=False)
class _Job(Generic[Given, Result]):
    given: Given
    size: int
    future: Future[Result] = field(default_factory=Future)


class GroupCommitWriter(Generic[Given, Result]):
    """Hands what waits to ``work``, which does it in a transaction and gives a result for each.

    When ``work`` fails, nothing of it is kept and each job is done again by itself, so that a bad one costs
    no other. When the connection is lost, the jobs are done again on a new one; they must bear being done
    twice, for the commit may have been the last thing that succeeded.
    """

    def __init__(
        self, name: str, settings: str, work: Work[Given, Result], *, at_once: int = MOST_AT_ONCE
    ) -> None:
        self._settings = settings
        self._work = work
        self._at_once = at_once
        self._connection: Connection[Row] | None = None
        self._jobs: deque[_Job[Given, Result]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._busy = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs accepted and not yet committed."""
        return len(self._jobs) + self._busy

    def submit(
        self, given: Sequence[Given], size_of: Callable[[Given], int] = lambda _: 0
    ) -> list[Future[Result]]:
        """Hand over jobs, in order; each future is resolved after the commit. Sizes are in bytes, about."""
        jobs = [_Job[Given, Result](item, size_of(item)) for item in given]
        with self._changed:
            refusal = self._refusal()
            if refusal is None:
                self._jobs.extend(jobs)
                self._bytes += sum(job.size for job in jobs)
                self._changed.notify()
        if refusal is not None:
            for job in jobs:
                job.future.set_exception(refusal)
        return [job.future for job in jobs]

    def close(self, timeout: float) -> None:
        """Do what was accepted, then stop; what is not done in ``timeout`` seconds fails."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        with self._changed:
            left = list(self._jobs)
            self._jobs.clear()
        for job in left:
            job.future.set_exception(StoreClosedError())

    def _refusal(self) -> StoreError | None:
        if self._closing:
            return StoreClosedError()
        is_full = len(self._jobs) >= MOST_WAITING or self._bytes >= BYTES_WAITING
        return StoreBusyError() if is_full else None

    def _run(self) -> None:
        while (jobs := self._next()) is not None:
            results = self._run_jobs([job.given for job in jobs])
            self._busy = 0
            for job, result in zip(jobs, results, strict=True):
                if isinstance(result, Log10Error):
                    job.future.set_exception(result)
                else:
                    job.future.set_result(result)
        self._disconnect()

    def _next(self) -> list[_Job[Given, Result]] | None:
        """What waits, as soon as anything does; None when the worker is to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closing)
            if not self._jobs:
                return None
            taken: list[_Job[Given, Result]] = []
            size = 0
            while self._jobs and len(taken) < self._at_once and (not taken or size < BYTES_AT_ONCE):
                taken.append(self._jobs.popleft())
                size += taken[-1].size
            self._bytes -= size
            self._busy = len(taken)
        return [job for job in taken if job.future.set_running_or_notify_cancel()]

    def _run_jobs(self, given: Sequence[Given]) -> Sequence[Result | Log10Error]:
        """A result or an error for each."""
        try:
            return self._run_with_reconnect(given)
        except Log10Error as error:
            failure = error
        except psycopg.Error as error:
            failure = translate_error(error)
            if is_connection_lost(error):
                return [failure] * len(given)
        except Exception as error:  # noqa: BLE001 -- the worker's border: each future must hear of it
            log_rate_limited("log10_trace: a write failed: %s", type(error).__name__)
            failure = StoreError()
        if len(given) == 1:
            return [failure]
        return [result for item in given for result in self._run_jobs([item])]

    def _run_with_reconnect(self, given: Sequence[Given]) -> Sequence[Result]:
        try:
            return self._work(self._connected(), given)
        except psycopg.Error as error:
            if not is_connection_lost(error):
                raise
            self._disconnect()
            return self._work(self._connected(), given)

    def _connected(self) -> Connection[Row]:
        if self._connection is None:
            self._connection = connect(self._settings)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
