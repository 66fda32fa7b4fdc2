"""Group commit: one thread that writes, and many requests per transaction.

Requests wait in a bounded queue. The thread takes those that wait (up to a bound), has them committed
together and only then resolves their futures. If a group fails, nothing of it is kept and each request is
committed by itself, so that a bad request fails alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from log10_trace.errors import Log10Error
from log10_trace.guard import log_rate_limited
from log10_trace.server.store.errors import StoreBusyError, StoreClosedError, StoreError

MAX_GROUP_REQUESTS: Final = 500
"""Requests that share one commit."""
MAX_GROUP_BYTES: Final = 16 * 1024 * 1024
"""Their size; a larger request has a commit of its own."""
MAX_WAITING_REQUESTS: Final = 20_000
"""Requests that may wait; past it new ones fail with ``StoreBusyError``."""
MAX_WAITING_BYTES: Final = 128 * 1024 * 1024
"""Their size. One larger request is accepted when nothing else waits."""
IDLE_S: Final = 0.2
"""Seconds without a request after which deferred work is done."""

Request = TypeVar("Request")
Result = TypeVar("Result")
Request_contra = TypeVar("Request_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class CommitFailure(NamedTuple):
    """Why a group was not committed."""

    error: Log10Error
    affects_all: bool
    """Whether each request would fail like this by itself too."""


class Committer(Protocol[Request_contra, Result_co]):
    """The engine's part of a group commit. For the writing thread alone."""

    def commit(self, requests: Sequence[Request_contra]) -> Sequence[Result_co]:
        """Write the requests in one transaction; their results, in order. If it raises, nothing is kept."""
        ...

    def explain(self, error: Exception) -> CommitFailure | None:
        """The failure that an error of the database means; None for any other error."""
        ...

    def run_due_work(self) -> None:
        """Do in a short step what cannot be put off until no request waits; a commit was just answered."""
        ...

    @property
    def has_deferred_work(self) -> bool:
        """Whether anything was put off that can be done while no request waits."""
        ...

    def run_deferred_work(self, is_interrupted: Callable[[], bool]) -> None:
        """Do what was put off, in short steps, until it is done or ``is_interrupted``."""
        ...

    def close(self) -> None:
        """Give the connection up."""
        ...


@dataclass(slots=True, eq=False)
class _QueuedRequest(Generic[Request, Result]):
    request: Request
    size: int
    future: Future[Result] = field(default_factory=Future)


class GroupCommitThread(Generic[Request, Result]):
    """The queue of requests and the thread that commits them. Safe to use from any thread."""

    def __init__(
        self,
        name: str,
        committer: Committer[Request, Result],
        *,
        max_group_requests: int = MAX_GROUP_REQUESTS,
    ) -> None:
        self._committer = committer
        self._max_group_requests = max_group_requests
        self._queue: deque[_QueuedRequest[Request, Result]] = deque()
        self._queued_bytes = 0
        self._uncommitted = 0
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests accepted and not yet committed."""
        return len(self._queue) + self._uncommitted

    def submit(
        self,
        requests: Sequence[Request],
        size_of: Callable[[Request], int] = lambda _: 0,
        *,
        bypass_limit: bool = False,
    ) -> list[Future[Result]]:
        """Queue requests, in order; each future is resolved after its commit.

        ``size_of`` gives about the bytes that a request keeps in memory. With ``bypass_limit`` the requests
        continue one that was accepted before, and are accepted however many wait.

        It never raises: what the queue does not accept fails in its future, with ``StoreBusyError`` when too
        much waits and ``StoreClosedError`` after ``close``. Either all of ``requests`` are accepted or none.
        """
        # Not ``_QueuedRequest[Request, Result](...)``, which takes longer than the rest of this method.
        queued: list[_QueuedRequest[Request, Result]] = [
            _QueuedRequest(request, size_of(request)) for request in requests
        ]
        size = sum(item.size for item in queued)
        with self._changed:
            rejection = self._rejection(size, bypass_limit=bypass_limit)
            if rejection is None:
                self._queue.extend(queued)
                self._queued_bytes += size
                self._changed.notify()
        if rejection is not None:
            _fail(queued, rejection)
        return [item.future for item in queued]

    def close(self, timeout: float) -> None:
        """Commit what was accepted, then stop; what is still queued after ``timeout`` seconds fails."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(timeout)
        with self._changed:
            remaining = list(self._queue)
            self._queue.clear()
        _fail([item for item in remaining if item.future.set_running_or_notify_cancel()], StoreClosedError())

    def _rejection(self, size: int, *, bypass_limit: bool) -> StoreError | None:
        if self._is_closing:
            return StoreClosedError()
        if bypass_limit or not self._queue:
            return None
        is_full = len(self._queue) >= MAX_WAITING_REQUESTS or self._queued_bytes + size > MAX_WAITING_BYTES
        return StoreBusyError() if is_full else None

    def _run(self) -> None:
        while self._wait():
            if self._commit_waiting():
                self._committer.run_due_work()
            else:
                self._committer.run_deferred_work(self._is_interrupted)
        self._committer.run_deferred_work(self._is_interrupted)
        self._committer.close()

    def _wait(self) -> bool:
        """Wait for requests, or for an idle moment if there is deferred work; False to stop."""
        with self._changed:
            while not self._is_interrupted():
                if not self._changed.wait(IDLE_S if self._committer.has_deferred_work else None):
                    return True
            return bool(self._queue)

    def _is_interrupted(self) -> bool:
        return bool(self._queue) or self._is_closing

    def _take_group(self) -> list[_QueuedRequest[Request, Result]]:
        """The requests of the next commit, without those that were cancelled."""
        with self._changed:
            group: list[_QueuedRequest[Request, Result]] = []
            size = 0
            while self._queue and len(group) < self._max_group_requests and size < MAX_GROUP_BYTES:
                group.append(self._queue.popleft())
                size += group[-1].size
            self._queued_bytes -= size
            group = [item for item in group if item.future.set_running_or_notify_cancel()]
            self._uncommitted = len(group)
        return group

    def _commit_waiting(self) -> bool:
        """Commit a group of what waits; False if nothing does. While the thread waits it holds no request."""
        group = self._take_group()
        if group:
            self._commit_group(group)
        return bool(group)

    def _commit_group(self, group: Sequence[_QueuedRequest[Request, Result]]) -> None:
        results = self._commit([item.request for item in group])
        self._uncommitted = 0
        for item, result in zip(group, results, strict=True):
            if isinstance(result, Log10Error):
                item.future.set_exception(result)
            else:
                item.future.set_result(result)

    def _commit(self, requests: Sequence[Request]) -> Sequence[Result | Log10Error]:
        """A result or an error for each request."""
        try:
            return self._committer.commit(requests)
        except Exception as error:  # noqa: BLE001 -- the thread's border: each error goes to its future
            failure = self._explain(error)
        if len(requests) == 1 or failure.affects_all:
            return [failure.error] * len(requests)
        return [result for request in requests for result in self._commit([request])]

    def _explain(self, error: Exception) -> CommitFailure:
        if isinstance(error, Log10Error):
            return CommitFailure(error, affects_all=False)
        failure = self._committer.explain(error)
        if failure is None:
            log_rate_limited("log10_trace: a write failed: %s", type(error).__name__)
            failure = CommitFailure(StoreError(), affects_all=False)
        return failure


def _fail(queued: Sequence[_QueuedRequest[Request, Result]], error: StoreError) -> None:
    for item in queued:
        item.future.set_exception(error)
