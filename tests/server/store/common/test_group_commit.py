"""The thread that commits: which requests share a transaction, and what happens to the others."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from log10_trace.errors import Log10Error
from log10_trace.server.store.common import group_commit
from log10_trace.server.store.common.group_commit import CommitFailure, GroupCommitThread
from log10_trace.server.store.errors import StoreBusyError, StoreClosedError, StoreError, StoreFullError
from tests.processes import until

WAIT_S = 120


class Doubler:
    """A committer that begins when its gate is opened, and remembers which requests it got together."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.groups: list[list[int]] = []
        self.has_deferred_work = False
        self.deferred = threading.Event()
        self.is_closed = False

    def commit(self, requests: Sequence[int]) -> list[int]:
        """Double each number; 13 and greater ones are refused in different ways."""
        self.entered.release()
        assert self.gate.wait(WAIT_S)
        self.groups.append(list(requests))
        for number in requests:
            if number in ERRORS:
                raise ERRORS[number]
        return [number * 2 for number in requests]

    def explain(self, error: Exception) -> CommitFailure | None:
        """An ``OSError`` is the database's; a lost one is the lot of every request."""
        if not isinstance(error, OSError):
            return None
        return CommitFailure(StoreFullError(), affects_all=isinstance(error, ConnectionError))

    def run_due_work(self) -> None:
        """There is none."""

    def run_deferred_work(self, is_interrupted: Callable[[], bool]) -> None:
        """Do all of it."""
        self.has_deferred_work = False
        self.deferred.set()

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


ERRORS = {13: ValueError("unlucky"), 14: Log10Error("by name"), 15: OSError(), 16: ConnectionError()}


@pytest.fixture
def doubler() -> Doubler:
    """A committer whose gate is shut."""
    return Doubler()


@pytest.fixture
def busy(doubler: Doubler) -> Iterator[GroupCommitThread[int, int]]:
    """A thread that holds a first request and waits at the gate."""
    made: GroupCommitThread[int, int] = GroupCommitThread("worker", doubler)
    made.submit([0])
    assert doubler.entered.acquire(timeout=WAIT_S)
    yield made
    doubler.gate.set()
    made.close(WAIT_S)


def test_requests_that_wait_share_a_commit(doubler: Doubler, busy: GroupCommitThread[int, int]) -> None:
    """Everything that came while a commit was under way goes into the next one, in order."""
    futures = [future for number in range(1, 5) for future in busy.submit([number])]
    assert busy.waiting == 5
    doubler.gate.set()

    assert [future.result(WAIT_S) for future in futures] == [2, 4, 6, 8]
    assert doubler.groups == [[0], [1, 2, 3, 4]]
    assert busy.waiting == 0


def test_a_commit_is_bounded_in_bytes(doubler: Doubler, busy: GroupCommitThread[int, int]) -> None:
    """Large requests do not pile up in one transaction."""
    futures = busy.submit([1, 2, 3], lambda _: group_commit.MAX_GROUP_BYTES)
    doubler.gate.set()

    assert [future.result(WAIT_S) for future in futures] == [2, 4, 6]
    assert doubler.groups == [[0], [1], [2], [3]]


def test_a_commit_is_bounded_in_requests(doubler: Doubler) -> None:
    """A thread that is to commit one request at a time does so."""
    doubler.gate.set()
    thread: GroupCommitThread[int, int] = GroupCommitThread("worker", doubler, max_group_requests=2)

    futures = thread.submit([1, 2, 3])
    thread.close(WAIT_S)

    assert [future.result(0) for future in futures] == [2, 4, 6]
    assert max(map(len, doubler.groups)) == 2


@pytest.mark.parametrize(("number", "kind"), [(13, StoreError), (14, Log10Error), (15, StoreFullError)])
def test_a_request_that_fails_costs_no_other(
    doubler: Doubler, busy: GroupCommitThread[int, int], number: int, kind: type[Log10Error]
) -> None:
    """When a group fails, each of it is committed by itself, and only the bad one fails."""
    futures = busy.submit([1, number, 2])
    doubler.gate.set()

    errors = [future.exception(WAIT_S) for future in futures]
    assert [type(error) for error in errors] == [type(None), kind, type(None)]
    assert doubler.groups == [[0], [1, number, 2], [1], [number], [2]]


def test_a_failure_that_each_would_meet_is_not_met_again(
    doubler: Doubler, busy: GroupCommitThread[int, int]
) -> None:
    """When the database is away, the group fails whole: waiting for it once for each would take for ever."""
    futures = busy.submit([1, 16, 2])
    doubler.gate.set()

    assert [type(future.exception(WAIT_S)) for future in futures] == [StoreFullError] * 3
    assert doubler.groups == [[0], [1, 16, 2]]


@pytest.mark.parametrize("limit", ["MAX_WAITING_REQUESTS", "MAX_WAITING_BYTES"])
def test_a_full_queue_accepts_no_more(
    doubler: Doubler, busy: GroupCommitThread[int, int], monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """Past a bound all of the next requests fail, but for those that continue an accepted one."""
    monkeypatch.setattr(group_commit, limit, 2)
    accepted = busy.submit([1, 2], lambda _: 1)

    rejected = busy.submit([3, 4], lambda _: 1)
    continued = busy.submit([5], lambda _: 1, bypass_limit=True)
    assert [type(future.exception(0)) for future in rejected] == [StoreBusyError] * 2
    doubler.gate.set()

    assert [future.result(WAIT_S) for future in accepted + continued] == [2, 4, 10]
    assert [future.result(WAIT_S) for future in busy.submit([6], lambda _: 2)] == [12]


def test_a_request_larger_than_the_queue_is_accepted_when_nothing_waits(
    doubler: Doubler, busy: GroupCommitThread[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is on what waits, so a single large request always gets through."""
    monkeypatch.setattr(group_commit, "MAX_WAITING_BYTES", 2)

    (future,) = busy.submit([1], lambda _: 1_000)
    doubler.gate.set()

    assert future.result(WAIT_S) == 2


def test_a_cancelled_request_is_not_run(doubler: Doubler, busy: GroupCommitThread[int, int]) -> None:
    """A future cancelled before its turn costs nothing and delays no other."""
    first, second, third = busy.submit([1, 2, 3])
    assert first.cancel()
    doubler.gate.set()

    assert [second.result(WAIT_S), third.result(WAIT_S)] == [4, 6]
    assert doubler.groups == [[0], [2, 3]]


def test_requests_that_are_all_cancelled_need_no_commit(
    doubler: Doubler, busy: GroupCommitThread[int, int]
) -> None:
    """A group of which nothing is left is no transaction, and does not count as waiting."""
    (cancelled,) = busy.submit([1])
    assert cancelled.cancel()
    doubler.gate.set()
    busy.close(WAIT_S)

    assert doubler.groups == [[0]]
    assert busy.waiting == 0


def test_close_commits_what_was_accepted(doubler: Doubler, busy: GroupCommitThread[int, int]) -> None:
    """What waits at the end is committed before the connection is given up; nothing is accepted after it."""
    (future,) = busy.submit([1])
    doubler.gate.set()

    busy.close(WAIT_S)
    (late,) = busy.submit([2], bypass_limit=True)

    assert future.result(0) == 2
    assert doubler.is_closed
    assert isinstance(late.exception(0), StoreClosedError)


def test_what_cannot_be_committed_before_the_end_fails(busy: GroupCommitThread[int, int]) -> None:
    """Closing with a time limit fails what did not get its turn, rather than leave its sender waiting."""
    waiting, cancelled = busy.submit([1, 2])
    assert cancelled.cancel()

    busy.close(0.0)

    assert isinstance(waiting.exception(0), StoreClosedError)
    assert cancelled.cancelled()


def test_due_work_is_done_between_an_answer_and_the_next_commit(doubler: Doubler) -> None:
    """A request does not wait for what its own commit made due; the next one does."""
    is_due, may_end = threading.Event(), threading.Event()

    def run_due_work() -> None:
        is_due.set()
        assert may_end.wait(WAIT_S)

    doubler.gate.set()
    doubler.run_due_work = run_due_work  # type: ignore[method-assign]
    thread: GroupCommitThread[int, int] = GroupCommitThread("worker", doubler)
    try:
        assert thread.submit([1])[0].result(WAIT_S) == 2
        assert is_due.wait(WAIT_S)
        (later,) = thread.submit([2])
        assert doubler.groups == [[1]]
        may_end.set()
        assert later.result(WAIT_S) == 4
    finally:
        may_end.set()
        thread.close(WAIT_S)


def test_deferred_work_is_done_in_an_idle_moment(doubler: Doubler, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a commit put off is done soon after it without another request."""
    monkeypatch.setattr(group_commit, "IDLE_S", 0.001)
    doubler.gate.set()
    doubler.has_deferred_work = True
    thread: GroupCommitThread[int, int] = GroupCommitThread("worker", doubler)

    assert doubler.deferred.wait(WAIT_S)
    assert doubler.groups == []
    thread.close(WAIT_S)


class _Large:
    """A request that can be told to be gone."""


def test_a_thread_that_waits_holds_no_request() -> None:
    """A record of many megabytes leaves the memory with its commit, not when the next one comes."""

    class Forgetting(Doubler):
        def commit(self, requests: Sequence[Any]) -> list[int]:
            return [0 for _ in requests]

    thread: GroupCommitThread[Any, int] = GroupCommitThread("worker", Forgetting())
    try:
        request = _Large()
        is_there = weakref.ref(request)
        thread.submit([request])[0].result(WAIT_S)
        del request
        until(lambda: is_there() is None, "the request is gone")
    finally:
        thread.close(WAIT_S)
